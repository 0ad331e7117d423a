// How many requests may be tried again: a share of those that came in lately, and a few whatever came in, so that
// a pool that fails everything is not sent several times the load. Thread-safe; times come from the caller.
#ifndef HEKLA_SERVICE_ROUTER_RETRY_BUDGET_H_
#define HEKLA_SERVICE_ROUTER_RETRY_BUDGET_H_

#include <array>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace hekla::service {

struct RetryBudgetOptions {
  double share = 0.2;
  int reserve = 10;  // in the same 10 s
};

class RetryBudget {
 public:
  explicit RetryBudget(const RetryBudgetOptions& options = {}) : options_(options) {}

  void CountRequest(absl::Time now);
  // False: the requests and retries of the last 10 s leave no room for one more retry.
  bool TakeRetry(absl::Time now);

 private:
  static constexpr int kSeconds = 10;
  struct Second {
    int64_t second = -1;
    int64_t requests = 0, retries = 0;
  };
  Second& At(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const RetryBudgetOptions options_;
  absl::Mutex mutex_;
  std::array<Second, kSeconds> seconds_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_RETRY_BUDGET_H_
