#include "service/router/progress_watch.h"

#include <algorithm>

namespace hekla::service {

void ProgressWatch::Report(const StepReport& report, absl::Time now) {
  if (!report.has_work || !last_.has_work || reported_at_ == absl::InfinitePast()) {
    moved_at_ = now;
  } else if (report.steps_total != last_.steps_total) {
    moved_at_ = std::max(moved_at_, now - report.last_step_age);
  }
  last_ = report;
  reported_at_ = now;
}

void ProgressWatch::Sent(bool was_idle, absl::Time now) {
  if (was_idle) busy_since_ = now;
}

absl::Duration ProgressWatch::Limit() const {
  return std::max(options_.limit, absl::Seconds(options_.steps * last_.step_seconds));
}

bool ProgressWatch::IsStalled(int inflight, absl::Time now) const {
  if (reported_at_ == absl::InfinitePast()) return false;
  if (last_.has_work) return now - moved_at_ > Limit();
  return inflight > 0 && now - std::max(reported_at_, busy_since_) > Limit();
}

}  // namespace hekla::service
