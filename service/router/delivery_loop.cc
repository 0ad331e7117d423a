#include "service/router/delivery_loop.h"

#include <utility>

namespace hekla::service {

DeliveryLoop::~DeliveryLoop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void DeliveryLoop::Post(std::function<void()> delivery) {
  absl::MutexLock lock(&mutex_);
  waiting_.push_back(std::move(delivery));
}

void DeliveryLoop::Run() {
  const auto is_due = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !waiting_.empty(); };
  while (true) {
    std::function<void()> delivery;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&is_due));
      if (waiting_.empty()) return;
      delivery = std::move(waiting_.front());
      waiting_.pop_front();
    }
    delivery();
  }
}

}  // namespace hekla::service
