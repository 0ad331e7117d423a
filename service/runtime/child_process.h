// A program run as a child of this process. It does not outlive the thread that started it: the kernel kills
// it when that thread ends, in whatever way (PR_SET_PDEATHSIG). So Start and Wait belong to one thread;
// Signal to any.
#ifndef HEKLA_SERVICE_RUNTIME_CHILD_PROCESS_H_
#define HEKLA_SERVICE_RUNTIME_CHILD_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"

namespace hekla::service {

struct ExitStatus {
  int code = 0;    // of exit()
  int signal = 0;  // that ended it; 0 = it ended by itself
};

class ChildProcess {
 public:
  // It gets this process' environment, output and error output, no input and no other open file, and a
  // process group of its own: Ctrl-C does not reach it. NOT_FOUND or another status, naming `program`, when
  // it cannot be executed.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(const std::string& program,
                                                             const std::vector<std::string>& arguments);
  // Kills it if Wait has not returned.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;

  // Waits for its end. Once.
  ExitStatus Wait();

  // Nothing happens when it has ended.
  void Signal(int number);

  pid_t pid() const { return pid_; }

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  const pid_t pid_;
  absl::Mutex mutex_;
  bool reaped_ ABSL_GUARDED_BY(mutex_) = false;  // the number may be another process' now
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_CHILD_PROCESS_H_
