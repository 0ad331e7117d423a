// A program run as a child of this process: it can be sent signals, its end and lines of its log can be
// waited for. It does not outlive the thread that started it: the kernel kills it when that thread ends, in
// whatever way (PR_SET_PDEATHSIG). So Start belongs to a thread that lives as long as the child; the rest to
// any.
#ifndef HEKLA_SERVICE_RUNTIME_CHILD_PROCESS_H_
#define HEKLA_SERVICE_RUNTIME_CHILD_PROCESS_H_

#include <sys/types.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace hekla::service {

struct ExitStatus {
  int code = 0;    // of exit()
  int signal = 0;  // that ended it; 0 = it ended by itself
};

class ChildProcess {
 public:
  enum class Output {
    kShared,    // this process' output and error output
    kLogLines,  // no output; the last lines of its error output are kept for AwaitLine
  };
  // It gets this process' environment, no input and no other open file, and a process group of its own:
  // Ctrl-C does not reach it. NOT_FOUND or another status, naming `program`, when it cannot be executed.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(const std::string& program,
                                                             const std::vector<std::string>& arguments,
                                                             Output output = Output::kShared);
  // Kills it.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;

  // True once it has ended, false when `limit` went by first.
  bool AwaitEnd(absl::Duration limit) const;
  // Waits for its end, and kills what is left of its group.
  ExitStatus Wait();

  // The first line on its error output that contains `text`. Errors, with the last lines it wrote:
  // DEADLINE_EXCEEDED, and ABORTED when it ended without such a line.
  absl::StatusOr<std::string> AwaitLine(const std::string& text, absl::Duration limit);

  // Nothing happens when it has ended.
  void Signal(int number);

  pid_t pid() const { return pid_; }

 private:
  ChildProcess(std::string program, pid_t pid, int handle, int log);
  void ReadLines();
  std::string LastLines() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string program_;
  const pid_t pid_;
  const int handle_;  // a pidfd: means this child even when its number has become another's
  const int log_;     // the end of a pipe, -1: none
  absl::Mutex mutex_;
  std::optional<ExitStatus> end_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> lines_ ABSL_GUARDED_BY(mutex_);
  bool log_ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread reader_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_CHILD_PROCESS_H_
