#include "service/client/chaos/child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"

namespace hekla::chaos {
namespace {

constexpr size_t kKeptLines = 1000;
constexpr size_t kShownLines = 5;
constexpr absl::Duration kExitPoll = absl::Milliseconds(2);
constexpr int kExecFailed = 127;

// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void BecomeProgram(const char* program, char* const* arguments, int stderr_fd, pid_t parent) {
  setpgid(0, 0);  // Ctrl-C is for the parent, which ends its children in its own order
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kExecFailed);  // it died before the line above
  const int nothing = open("/dev/null", O_RDWR);
  dup2(nothing, STDIN_FILENO);
  dup2(nothing, STDOUT_FILENO);
  dup2(stderr_fd, STDERR_FILENO);
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  execv(program, arguments);
  _exit(kExecFailed);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(const std::string& program,
                                                                  const std::vector<std::string>& arguments) {
  if (access(program.c_str(), X_OK) != 0) {
    return absl::NotFoundError(absl::StrCat("program ", program, " cannot be run: ", std::strerror(errno)));
  }
  std::vector<char*> words = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::ResourceExhaustedError("no file descriptors are left");
  const pid_t parent = getpid(), pid = fork();
  if (pid == 0) BecomeProgram(program.c_str(), words.data(), ends[1], parent);
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return absl::ResourceExhaustedError(absl::StrCat("cannot start ", program, ": ", std::strerror(errno)));
  }
  setpgid(pid, pid);  // as the child does: whoever comes first
  return std::unique_ptr<ChildProcess>(new ChildProcess(program, pid, ends[0]));
}

ChildProcess::ChildProcess(std::string program, pid_t pid, int stderr_fd)
    : program_(std::move(program)), pid_(pid), stderr_fd_(stderr_fd), reader_([this] { ReadLines(); }) {}

ChildProcess::~ChildProcess() {
  kill(-pid_, SIGKILL);  // and what it started itself, which may hold the pipe open
  Wait(absl::InfiniteDuration());
  reader_.join();
  close(stderr_fd_);
}

void ChildProcess::ReadLines() {
  std::string rest;
  char bytes[4096];
  ssize_t count = 0;
  while ((count = read(stderr_fd_, bytes, sizeof(bytes))) > 0 || (count < 0 && errno == EINTR)) {
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
  closed_ = true;
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
    return closed_;
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

void ChildProcess::Signal(int number) {
  absl::MutexLock lock(&mutex_);
  if (!wait_status_.has_value()) kill(pid_, number);  // after it was waited for, the pid may be another's
}

std::optional<int> ChildProcess::Wait(absl::Duration limit) {
  const absl::Time end = absl::Now() + limit;
  for (;;) {
    {
      absl::MutexLock lock(&mutex_);
      int status = 0;
      if (!wait_status_.has_value() && waitpid(pid_, &status, WNOHANG) == pid_) wait_status_ = status;
      if (wait_status_.has_value()) return wait_status_;
    }
    if (absl::Now() >= end) return std::nullopt;
    absl::SleepFor(kExitPoll);
  }
}

std::string LogValue(const std::string& line, const std::string& name) {
  for (absl::string_view word : absl::StrSplit(line, ' ')) {
    if (absl::ConsumePrefix(&word, absl::StrCat(name, "="))) return std::string(word);
  }
  return "";
}

}  // namespace hekla::chaos
