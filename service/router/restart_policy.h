// When a worker that ended is started again. Pure: time is passed in. One policy a worker; not thread-safe.
#ifndef HEKLA_SERVICE_ROUTER_RESTART_POLICY_H_
#define HEKLA_SERVICE_ROUTER_RESTART_POLICY_H_

#include <deque>
#include <optional>

#include "absl/time/time.h"

namespace hekla::service {

struct RestartLimits {
  absl::Duration first_wait = absl::Milliseconds(500);  // doubles with each exit ...
  absl::Duration longest_wait = absl::Seconds(30);      // ... up to this
  absl::Duration window = absl::Minutes(2);  // a worker that lived this long starts at first_wait again
  int exits_in_window = 5;                   // so many within the window: it is parked
};

class RestartPolicy {
 public:
  explicit RestartPolicy(const RestartLimits& limits) : limits_(limits) {}

  // The wait before the next start of a worker that ended at `now` after `uptime`; nullopt = never again.
  std::optional<absl::Duration> OnExit(absl::Time now, absl::Duration uptime);

 private:
  const RestartLimits limits_;
  std::deque<absl::Time> exits_;  // within the window
  absl::Duration next_wait_ = absl::ZeroDuration();
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_RESTART_POLICY_H_
