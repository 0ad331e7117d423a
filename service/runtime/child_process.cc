#include "service/runtime/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "worker/base/check.h"

namespace hekla::service {
namespace {

constexpr size_t kKeptLines = 1000;
constexpr size_t kShownLines = 5;

// Its open ends are closed when it goes.
struct Pipe {
  ~Pipe() {
    CloseWriter();
    if (reader >= 0) close(reader);
  }
  bool Open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    reader = ends[0], writer = ends[1];
    return true;
  }
  void CloseWriter() {
    if (writer >= 0) close(std::exchange(writer, -1));
  }
  int reader = -1, writer = -1;
};

// The child between fork and exec: other threads may hold locks for ever, so only system calls are allowed.
// `log`: its error output, -1: this process'. `report` closes by itself when exec succeeds, else errno goes
// through it.
[[noreturn]] void BecomeProgram(const char* program, char* const* arguments, pid_t parent, int log,
                                int report) {
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);  // it ended before the line above
  const int null = open("/dev/null", O_RDWR);
  if (null >= 0) dup2(null, STDIN_FILENO);
  if (log >= 0) {
    if (null >= 0) dup2(null, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
  }
  dup3(report, STDERR_FILENO + 1, O_CLOEXEC);
  syscall(SYS_close_range, STDERR_FILENO + 2, ~0U, 0);
  execv(program, arguments);
  const int error = errno;
  while (write(STDERR_FILENO + 1, &error, sizeof(error)) < 0 && errno == EINTR) continue;
  _exit(127);
}

// What the child reports: 0 when it has become the program, else errno.
int ReadError(int report) {
  int error = 0;
  ssize_t count = 0;
  do {
    count = read(report, &error, sizeof(error));
  } while (count < 0 && errno == EINTR);
  return count == sizeof(error) ? error : 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(const std::string& program,
                                                                  const std::vector<std::string>& arguments,
                                                                  Output output) {
  std::vector<char*> words = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  const std::string what = absl::StrCat("starting ", program);
  Pipe report, log;
  if (!report.Open() || (output == Output::kLogLines && !log.Open())) return absl::ErrnoToStatus(errno, what);
  const pid_t parent = getpid(), child = fork();
  if (child == 0) BecomeProgram(program.c_str(), words.data(), parent, log.writer, report.writer);
  if (child < 0) return absl::ErrnoToStatus(errno, what);
  report.CloseWriter();
  int error = ReadError(report.reader);
  const int handle = error == 0 ? static_cast<int>(syscall(SYS_pidfd_open, child, 0)) : -1;
  if (handle < 0) {
    if (error == 0) error = errno;
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    return absl::ErrnoToStatus(error, what);
  }
  return std::unique_ptr<ChildProcess>(
      new ChildProcess(program, child, handle, std::exchange(log.reader, -1)));
}

ChildProcess::ChildProcess(std::string program, pid_t pid, int handle, int log)
    : program_(std::move(program)), pid_(pid), handle_(handle), log_(log) {
  if (log_ >= 0) reader_ = std::thread([this] { ReadLines(); });
}

ChildProcess::~ChildProcess() {
  Signal(SIGKILL);
  Wait();
  if (log_ >= 0) {
    reader_.join();
    close(log_);
  }
  close(handle_);
}

bool ChildProcess::AwaitEnd(absl::Duration limit) const {
  const absl::Time end = absl::Now() + limit;
  while (true) {
    const timespec left = absl::ToTimespec(std::max(end - absl::Now(), absl::ZeroDuration()));
    pollfd ended = {handle_, POLLIN, 0};
    const int count = ppoll(&ended, 1, &left, nullptr);
    if (count >= 0) return count > 0;
    HEKLA_CHECK(errno == EINTR, "waiting for a child that is not there");
  }
}

ExitStatus ChildProcess::Wait() {
  AwaitEnd(absl::InfiniteDuration());
  absl::MutexLock lock(&mutex_);
  if (end_.has_value()) return *end_;
  kill(-pid_, SIGKILL);  // the group keeps its number until the child, a zombie, has been waited for
  siginfo_t ended = {};
  HEKLA_CHECK(waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED) == 0,
              "a child that somebody else waited for");
  end_ = ended.si_code == CLD_EXITED ? ExitStatus{ended.si_status, 0} : ExitStatus{0, ended.si_status};
  return *end_;
}

void ChildProcess::Signal(int number) { syscall(SYS_pidfd_send_signal, handle_, number, nullptr, 0); }

void ChildProcess::ReadLines() {
  std::string rest;
  char bytes[4096];
  ssize_t count = 0;
  while ((count = read(log_, bytes, sizeof(bytes))) > 0 || (count < 0 && errno == EINTR)) {
    if (count < 0) continue;
    rest.append(bytes, static_cast<size_t>(count));
    std::vector<std::string> lines = absl::StrSplit(rest, '\n');
    rest = std::move(lines.back());
    lines.pop_back();
    absl::MutexLock lock(&mutex_);
    for (std::string& line : lines) lines_.push_back(std::move(line));
    while (lines_.size() > kKeptLines) lines_.pop_front();
  }
  absl::MutexLock lock(&mutex_);
  if (!rest.empty()) lines_.push_back(std::move(rest));
  log_ended_ = true;
}

std::string ChildProcess::LastLines() const {
  const size_t first = lines_.size() > kShownLines ? lines_.size() - kShownLines : 0;
  return absl::StrJoin(lines_.begin() + static_cast<std::ptrdiff_t>(first), lines_.end(), "\n");
}

absl::StatusOr<std::string> ChildProcess::AwaitLine(const std::string& text, absl::Duration limit) {
  std::string found;
  const auto ready = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (const std::string& line : lines_) {
      if (absl::StrContains(line, text)) return found = line, true;
    }
    return log_ended_;
  };
  absl::MutexLock lock(&mutex_);
  if (!mutex_.AwaitWithTimeout(absl::Condition(&ready), limit)) {
    return absl::DeadlineExceededError(absl::StrCat(program_, " has not said \"", text, "\" within ",
                                                    absl::FormatDuration(limit), "; its last words:\n",
                                                    LastLines()));
  }
  if (!found.empty()) return found;
  return absl::AbortedError(
      absl::StrCat(program_, " ended without \"", text, "\"; its last words:\n", LastLines()));
}

}  // namespace hekla::service
