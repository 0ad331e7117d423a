// The threads that turn engine events into messages and start their writes, so that the engine's thread does
// neither. A task is pumped when it is posted and when a time it asked for has come; posts between two pumps
// merge into one.
//
// Thread rule: Post and PostAt from any thread; a task is pumped on one thread at a time only as far as it
// locks itself. Lifetime: the destructor joins the threads and pumps nothing more; tasks not pumped are
// dropped.
#ifndef HEKLA_WORKER_WRITE_LOOP_H_
#define HEKLA_WORKER_WRITE_LOOP_H_

#include <atomic>
#include <deque>
#include <memory>
#include <queue>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace hekla::worker {

class WriteTask {
 public:
  virtual ~WriteTask() = default;
  virtual void Pump() = 0;

 private:
  friend class WriteLoop;
  std::atomic<bool> posted_{false};
};

class WriteLoop {
 public:
  explicit WriteLoop(int threads = 1);
  ~WriteLoop();
  WriteLoop(const WriteLoop&) = delete;
  WriteLoop& operator=(const WriteLoop&) = delete;

  void Post(std::shared_ptr<WriteTask> task);
  // The task may be gone by then.
  void PostAt(absl::Time time, std::weak_ptr<WriteTask> task);

 private:
  struct Timer {
    absl::Time time;
    std::weak_ptr<WriteTask> task;
    bool operator<(const Timer& other) const { return time > other.time; }  // the earliest on top
  };
  void Run();

  absl::Mutex mutex_;
  absl::CondVar changed_;
  std::deque<std::shared_ptr<WriteTask>> ready_ ABSL_GUARDED_BY(mutex_);
  std::priority_queue<Timer> timers_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_WRITE_LOOP_H_
