// A fixed set of threads that share loops. The calling thread works too.
// Thread rule: ParallelFor from one thread at a time. Lifetime: the destructor joins.
#ifndef HEKLA_WORKER_CPU_THREAD_POOL_H_
#define HEKLA_WORKER_CPU_THREAD_POOL_H_

#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"

namespace hekla::cpu {

class ThreadPool {
 public:
  // `threads` >= 1 counts the caller.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Calls body(begin, end) for pieces of [0, count) of at most `grain` indices, in any order and on any of
  // the threads, and returns when all are done.
  using Body = absl::FunctionRef<void(int begin, int end)>;
  void ParallelFor(int count, int grain, Body body);

 private:
  bool HasPiece() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return body_ != nullptr && next_ < count_; }
  bool WakeWorker() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stop_ || HasPiece(); }
  bool Idle() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return running_ == 0; }
  void RunPieces() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WorkerLoop();

  absl::Mutex mutex_;
  const Body* body_ ABSL_GUARDED_BY(mutex_) = nullptr;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
  int grain_ ABSL_GUARDED_BY(mutex_) = 1;
  int next_ ABSL_GUARDED_BY(mutex_) = 0;     // first index not yet taken
  int running_ ABSL_GUARDED_BY(mutex_) = 0;  // pieces taken and not finished
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> workers_;
};

}  // namespace hekla::cpu

#endif  // HEKLA_WORKER_CPU_THREAD_POOL_H_
