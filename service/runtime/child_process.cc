#include "service/runtime/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "worker/base/check.h"

namespace hekla::service {
namespace {

// The child between fork and exec: other threads may hold locks for ever, so only system calls are allowed.
// `report` closes by itself when exec succeeds, else errno goes through it.
[[noreturn]] void BecomeProgram(const char* program, char* const* arguments, pid_t parent, int report) {
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);  // it ended before the line above
  dup3(report, STDERR_FILENO + 1, O_CLOEXEC);
  const int null = open("/dev/null", O_RDONLY);
  if (null >= 0) dup2(null, STDIN_FILENO);
  syscall(SYS_close_range, STDERR_FILENO + 2, ~0U, 0);
  execv(program, arguments);
  const int error = errno;
  while (write(STDERR_FILENO + 1, &error, sizeof(error)) < 0 && errno == EINTR) continue;
  _exit(127);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(const std::string& program,
                                                                  const std::vector<std::string>& arguments) {
  std::vector<char*> words = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("starting ", program));
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) BecomeProgram(program.c_str(), words.data(), parent, report[1]);
  const int fork_error = errno;
  close(report[1]);
  if (child < 0) {
    close(report[0]);
    return absl::ErrnoToStatus(fork_error, absl::StrCat("starting ", program));
  }
  int error = 0;
  ssize_t count = 0;
  do {
    count = read(report[0], &error, sizeof(error));
  } while (count < 0 && errno == EINTR);
  close(report[0]);
  if (count == sizeof(error)) {
    waitpid(child, nullptr, 0);
    return absl::ErrnoToStatus(error, absl::StrCat("starting ", program));
  }
  return std::unique_ptr<ChildProcess>(new ChildProcess(child));
}

ChildProcess::~ChildProcess() {
  bool reaped = false;
  {
    absl::MutexLock lock(&mutex_);
    reaped = reaped_;
  }
  if (reaped) return;
  Signal(SIGKILL);
  Wait();
}

ExitStatus ChildProcess::Wait() {
  siginfo_t ended = {};
  // It stays a zombie, and its number its own, until the lock is held.
  while (waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOWAIT) != 0) {
    HEKLA_CHECK(errno == EINTR, "waiting for a child that is not there");
  }
  absl::MutexLock lock(&mutex_);
  waitpid(pid_, nullptr, 0);
  reaped_ = true;
  if (ended.si_code == CLD_EXITED) return {ended.si_status, 0};
  return {0, ended.si_status};
}

void ChildProcess::Signal(int number) {
  absl::MutexLock lock(&mutex_);
  if (!reaped_) kill(pid_, number);
}

}  // namespace hekla::service
