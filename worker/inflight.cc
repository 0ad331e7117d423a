#include "worker/inflight.h"

#include <utility>
#include <vector>

namespace hekla::worker {

bool Inflight::Add(const std::string& request_id, std::weak_ptr<Abortable> request) {
  absl::MutexLock lock(&mutex_);
  return requests_.try_emplace(request_id, std::move(request)).second;
}

void Inflight::Remove(const std::string& request_id) {
  absl::MutexLock lock(&mutex_);
  requests_.erase(request_id);
}

bool Inflight::Abort(const std::string& request_id, absl::Status status) {
  std::shared_ptr<Abortable> request;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = requests_.find(request_id);
    if (found != requests_.end()) request = found->second.lock();
  }
  if (request == nullptr) return false;
  request->Abort(std::move(status));
  return true;
}

void Inflight::AbortAll(absl::Status status) {
  std::vector<std::shared_ptr<Abortable>> all;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [id, request] : requests_) all.push_back(request.lock());
  }
  for (const std::shared_ptr<Abortable>& request : all) {
    if (request != nullptr) request->Abort(status);
  }
}

int Inflight::size() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int>(requests_.size());
}

bool Inflight::AwaitEmpty(absl::Duration timeout) const {
  absl::MutexLock lock(&mutex_);
  auto empty = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return requests_.empty(); };
  return mutex_.AwaitWithTimeout(absl::Condition(&empty), timeout);
}

}  // namespace hekla::worker
