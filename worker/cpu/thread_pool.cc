#include "worker/cpu/thread_pool.h"

#include <algorithm>

namespace hekla::cpu {

ThreadPool::ThreadPool(int threads) {
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { WorkerLoop(); });
}

ThreadPool::~ThreadPool() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::ParallelFor(int count, int grain, Body body) {
  if (workers_.empty() || count <= grain) {
    if (count > 0) body(0, count);
    return;
  }
  absl::MutexLock lock(&mutex_);
  body_ = &body;
  count_ = count;
  grain_ = grain;
  next_ = 0;
  RunPieces();
  mutex_.Await(absl::Condition(this, &ThreadPool::Idle));
  body_ = nullptr;
}

void ThreadPool::RunPieces() {
  while (HasPiece()) {
    const int begin = next_, end = std::min(count_, next_ + grain_);
    const Body* body = body_;
    next_ = end;
    ++running_;
    mutex_.Unlock();
    (*body)(begin, end);
    mutex_.Lock();
    --running_;
  }
}

void ThreadPool::WorkerLoop() {
  absl::MutexLock lock(&mutex_);
  while (true) {
    mutex_.Await(absl::Condition(this, &ThreadPool::WakeWorker));
    if (stop_) return;
    RunPieces();
  }
}

}  // namespace hekla::cpu
