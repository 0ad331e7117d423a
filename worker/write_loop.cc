#include "worker/write_loop.h"

#include <utility>

#include "absl/time/clock.h"

namespace hekla::worker {

WriteLoop::WriteLoop(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

WriteLoop::~WriteLoop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

void WriteLoop::Post(std::shared_ptr<WriteTask> task) {
  if (task->posted_.exchange(true)) return;
  absl::MutexLock lock(&mutex_);
  ready_.push_back(std::move(task));
  changed_.Signal();
}

void WriteLoop::PostAt(absl::Time time, std::weak_ptr<WriteTask> task) {
  absl::MutexLock lock(&mutex_);
  timers_.push({time, std::move(task)});
  if (timers_.top().time == time) changed_.Signal();
}

void WriteLoop::Run() {
  for (;;) {
    std::shared_ptr<WriteTask> task;
    {
      absl::MutexLock lock(&mutex_);
      for (;;) {
        if (stopping_) return;
        if (!timers_.empty() && timers_.top().time <= absl::Now()) {
          task = timers_.top().task.lock();
          timers_.pop();
          if (task != nullptr) break;
          continue;
        }
        if (!ready_.empty()) {
          task = std::move(ready_.front());
          ready_.pop_front();
          task->posted_.store(false);
          break;
        }
        if (timers_.empty()) {
          changed_.Wait(&mutex_);
        } else {
          changed_.WaitWithDeadline(&mutex_, timers_.top().time);
        }
      }
    }
    task->Pump();
  }
}

}  // namespace hekla::worker
