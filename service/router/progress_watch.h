// PURE: whether a worker moves. Sick is who has work and makes no step for max(limit, steps x its usual step),
// or who says nothing for that long while requests are there; a long prefill that makes steps is healthy.
// Times come from the caller.
#ifndef HEKLA_SERVICE_ROUTER_PROGRESS_WATCH_H_
#define HEKLA_SERVICE_ROUTER_PROGRESS_WATCH_H_

#include <cstdint>

#include "absl/time/time.h"

namespace hekla::service {

struct ProgressOptions {
  absl::Duration limit = absl::Seconds(5);
  int steps = 20;
};

// Of a load report.
struct StepReport {
  uint64_t steps_total = 0;
  double step_seconds = 0;  // moving average
  absl::Duration last_step_age;
  bool has_work = false;
};

class ProgressWatch {
 public:
  explicit ProgressWatch(const ProgressOptions& options = {}) : options_(options) {}

  void SetOptions(const ProgressOptions& options) { options_ = options; }

  void Report(const StepReport& report, absl::Time now);
  // This router sent a request there; `was_idle`: it had none there before.
  void Sent(bool was_idle, absl::Time now);

  // False for a worker that never reports. `inflight`: this router's requests there.
  bool IsStalled(int inflight, absl::Time now) const;
  absl::Duration Limit() const;
  // The last moment at which it was seen to move or to be idle.
  absl::Time moved_at() const { return moved_at_; }

 private:
  ProgressOptions options_;
  StepReport last_;
  absl::Time reported_at_ = absl::InfinitePast();
  absl::Time moved_at_ = absl::InfinitePast();
  absl::Time busy_since_ = absl::InfinitePast();
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_PROGRESS_WATCH_H_
