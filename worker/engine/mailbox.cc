#include "worker/engine/mailbox.h"

#include <utility>

namespace hekla::engine {

bool Mailbox::Put(Submission* submission) {
  absl::MutexLock lock(&mutex_);
  if (closed_ || static_cast<int>(submissions_.size()) >= capacity_) return false;
  submissions_.push_back(std::move(*submission));
  return true;
}

void Mailbox::PutCancel(uint64_t id) {
  absl::MutexLock lock(&mutex_);
  if (!closed_) cancels_.insert(id);
}

void Mailbox::PutParked(uint64_t id, bool parked) {
  absl::MutexLock lock(&mutex_);
  if (!closed_) parks_[id] = parked;
}

void Mailbox::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
}

void Mailbox::Take(Mail* mail) {
  mail->Clear();
  absl::MutexLock lock(&mutex_);
  mail->submissions.swap(submissions_);
  mail->cancels.assign(cancels_.begin(), cancels_.end());
  cancels_.clear();
  mail->parks.assign(parks_.begin(), parks_.end());
  parks_.clear();
  mail->closed = closed_;
}

void Mailbox::Wait(absl::Duration limit) {
  const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return closed_ || !submissions_.empty() || !cancels_.empty() || !parks_.empty();
  };
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(&ready), limit);
}

}  // namespace hekla::engine
