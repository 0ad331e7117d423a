#include "worker/load_report.h"

#include <algorithm>

#include "worker/generation.h"

namespace hekla::worker {

v1::Load LoadReporter::Read(const engine::EngineStatus& status, bool draining) {
  constexpr double kWeight = 0.2;  // of the newest interval
  const double seconds = status.prefill_step_seconds + status.mixed_step_seconds;
  if (status.prefill_tokens_total > prefill_tokens_ && seconds > prefill_seconds_) {
    const double rate =
        static_cast<double>(status.prefill_tokens_total - prefill_tokens_) / (seconds - prefill_seconds_);
    prefill_rate_ = prefill_rate_ == 0 ? rate : prefill_rate_ + kWeight * (rate - prefill_rate_);
    prefill_tokens_ = status.prefill_tokens_total;
    prefill_seconds_ = seconds;
  }
  v1::Load load;
  load.set_running(status.running);
  load.set_waiting(status.waiting);
  load.set_free_kv_tokens(
      static_cast<uint64_t>(std::max(0, status.limits.kv_blocks - status.kv_blocks_used)) *
      schedule::kBlockTokens);
  load.set_queued_uncached_tokens(std::max<int64_t>(0, status.queued_uncached_tokens));
  load.set_steps_total(status.steps_total);
  SetDuration(status.last_step_age, load.mutable_last_step_age());
  load.set_step_seconds(status.step_seconds_ewma);
  load.set_prefill_tokens_per_second(prefill_rate_);
  load.set_device_memory_bytes(status.device_memory_bytes);
  load.set_draining(draining || status.draining);
  return load;
}

bool DiffersMuch(const v1::Load& a, const v1::Load& b) {
  return a.running() != b.running() || a.waiting() != b.waiting() || a.draining() != b.draining();
}

}  // namespace hekla::worker
