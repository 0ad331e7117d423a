// PURE: whether a worker that made mistakes is sent anything. It knows no clock: times come from the caller.
//
//   closed --5 faults in 30 s, or one wedge--> open --pause over--> half open --2 successes--> closed
//                                               ^------- a fault: twice the pause, <= 60 s ---'
//
// Half open lets one request through at a time, the probe. A fault is the worker's own (connection, INTERNAL,
// DATA_LOSS, UNAVAILABLE, stall), never what was wrong with a request.
#ifndef HEKLA_SERVICE_ROUTER_BREAKER_H_
#define HEKLA_SERVICE_ROUTER_BREAKER_H_

#include <deque>

#include "absl/time/time.h"

namespace hekla::service {

struct BreakerOptions {
  int faults = 5;  // in `window` open it
  absl::Duration window = absl::Seconds(30);
  absl::Duration first_pause = absl::Seconds(5);
  absl::Duration longest_pause = absl::Seconds(60);
  int successes = 2;  // of probes close it
};

class Breaker {
 public:
  enum class State { kClosed, kOpen, kHalfOpen };

  explicit Breaker(const BreakerOptions& options = {}) : options_(options) {}

  State StateAt(absl::Time now) const;
  // A request may be sent: it is closed, or half open without a probe under way.
  bool Allows(absl::Time now) const;

  // A request is sent. True: it is the probe, and one of Succeeded(), Failed() or Released() with
  // `was_probe` must follow.
  bool Send(absl::Time now);
  void Succeeded(bool was_probe, absl::Time now);
  void Failed(bool was_probe, absl::Time now);
  void Released(bool was_probe);  // the request ended without saying anything about the worker

  // The worker starts anew: whatever probe was under way is gone.
  void ForgetProbe() { probing_ = false; }

  // No step though work is present: open at once.
  void Wedged(absl::Time now);
  // The worker is gone. Its requests' faults of the last second are the same event: all count as one.
  void Died(absl::Time now);

 private:
  void Open(absl::Time now, bool by_faults);
  void Count(absl::Time now);

  BreakerOptions options_;
  std::deque<absl::Time> faults_;  // in the window, oldest first; only while closed
  bool is_open_ = false;           // or half open
  bool by_faults_ = false;         // it opened by counting, not by a wedge or a probe
  absl::Time opened_at_ = absl::InfinitePast();
  absl::Duration pause_;
  bool probing_ = false;
  int successes_ = 0;
};

// "closed", "open", "half_open".
const char* BreakerStateName(Breaker::State state);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_BREAKER_H_
