// A program that runs under this one: its log lines can be waited for, it can be sent signals, and it ends
// with this process, whatever becomes of it.
//
// Thread rule: Start() from a thread that lives as long as the child (the kernel ends the child with it); the
// rest from any thread. The destructor kills what still runs.
#ifndef HEKLA_SERVICE_CLIENT_CHAOS_CHILD_PROCESS_H_
#define HEKLA_SERVICE_CLIENT_CHAOS_CHILD_PROCESS_H_

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

namespace hekla::chaos {

class ChildProcess {
 public:
  // `arguments` without the program's name. NOT_FOUND: there is no such program.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(const std::string& program,
                                                             const std::vector<std::string>& arguments);
  ~ChildProcess();

  // The first line on stderr that contains `text`. Errors, with the last lines it wrote: DEADLINE_EXCEEDED,
  // and ABORTED when it ended without such a line.
  absl::StatusOr<std::string> AwaitLine(const std::string& text, absl::Duration limit);
  void Signal(int number);
  // The wait status once it has ended; none when `limit` went by first.
  std::optional<int> Wait(absl::Duration limit);
  pid_t pid() const { return pid_; }

 private:
  ChildProcess(std::string program, pid_t pid, int stderr_fd);
  void ReadLines();
  std::string LastLines() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string program_;
  const pid_t pid_;
  const int stderr_fd_;
  absl::Mutex mutex_;
  std::deque<std::string> lines_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;  // its stderr
  std::optional<int> wait_status_ ABSL_GUARDED_BY(mutex_);
  std::thread reader_;
};

// The value of `name` in a log line of key=value; "" when it is not there.
std::string LogValue(const std::string& line, const std::string& name);

}  // namespace hekla::chaos

#endif  // HEKLA_SERVICE_CLIENT_CHAOS_CHILD_PROCESS_H_
