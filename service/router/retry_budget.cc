#include "service/router/retry_budget.h"

namespace hekla::service {

RetryBudget::Second& RetryBudget::At(absl::Time now) {
  const int64_t second = absl::ToUnixSeconds(now);
  Second& entry = seconds_[static_cast<size_t>(second % kSeconds)];
  if (entry.second != second) entry = {.second = second};
  return entry;
}

void RetryBudget::CountRequest(absl::Time now) {
  absl::MutexLock lock(&mutex_);
  ++At(now).requests;
}

bool RetryBudget::TakeRetry(absl::Time now) {
  absl::MutexLock lock(&mutex_);
  Second& present = At(now);
  int64_t requests = 0, retries = 0;
  for (const Second& each : seconds_) {
    if (each.second <= present.second - kSeconds) continue;
    requests += each.requests;
    retries += each.retries;
  }
  if (static_cast<double>(retries) >= options_.reserve + options_.share * static_cast<double>(requests)) {
    return false;
  }
  ++present.retries;
  return true;
}

}  // namespace hekla::service
