#include "service/runtime/open_calls.h"

namespace hekla::service {

uint64_t OpenCalls::Add() {
  absl::MutexLock lock(&mutex_);
  open_.insert(open_.end(), next_);
  return next_++;
}

void OpenCalls::Remove(uint64_t number) {
  absl::MutexLock lock(&mutex_);
  open_.erase(number);
}

bool OpenCalls::AwaitPresent(absl::Duration limit) const {
  absl::MutexLock lock(&mutex_);
  const uint64_t end = next_;
  const auto have_ended = [this, end]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return open_.empty() || *open_.begin() >= end;
  };
  return mutex_.AwaitWithTimeout(absl::Condition(&have_ended), limit);
}

}  // namespace hekla::service
