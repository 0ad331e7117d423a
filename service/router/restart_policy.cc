#include "service/router/restart_policy.h"

#include <algorithm>

namespace hekla::service {

std::optional<absl::Duration> RestartPolicy::OnExit(absl::Time now, absl::Duration uptime) {
  exits_.push_back(now);
  while (exits_.front() <= now - limits_.window) exits_.pop_front();
  if (static_cast<int>(exits_.size()) >= limits_.exits_in_window) return std::nullopt;
  if (uptime >= limits_.window || next_wait_ == absl::ZeroDuration()) next_wait_ = limits_.first_wait;
  const absl::Duration wait = next_wait_;
  next_wait_ = std::min(2 * next_wait_, limits_.longest_wait);
  return wait;
}

}  // namespace hekla::service
