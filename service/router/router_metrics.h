// The router's instruments, by the names that dashboards use. Label values are closed sets: a model that no
// worker has ever served is "other".
#ifndef HEKLA_SERVICE_ROUTER_ROUTER_METRICS_H_
#define HEKLA_SERVICE_ROUTER_ROUTER_METRICS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "hekla/v1/inference.pb.h"
#include "service/runtime/metrics.h"

namespace hekla::service {

// Thread-safe.
class RouterMetrics {
 public:
  // A counter with labels.
  struct Family {
    const char* name;
    const char* help;
  };

  explicit RouterMetrics(Metrics* metrics);

  void RequestStarted(const std::string& method);
  // `reason`: of a finished output "eos", "max_tokens", ..., else the ErrorReason's name. `known_model`: the
  // label.
  void RequestFinished(const std::string& known_model, const absl::Status& status, v1::FinishReason reason,
                       absl::Duration duration);
  void Rejected(const std::string& known_model, const absl::Status& status);
  // `cause`: "connection", "lost", "stalled", "fault", "full", "small"; `result`: "ok" another worker answered,
  // "failed" none did.
  void Retried(const std::string& cause, bool ok);
  void Resumed(const std::string& cause, bool ok);
  void ClientCancelled(const std::string& phase);
  void Routed(const std::string& branch);  // RouteBranchName()

  Histogram* const first_token_seconds;
  Histogram* const token_latency_seconds;   // between deltas
  Histogram* const time_per_token_seconds;  // mean of a request, after its first token
  Histogram* const queue_wait_seconds;
  Histogram* const overhead_seconds;
  Histogram* const prompt_tokens;
  Histogram* const output_tokens;
  Counter* const prompt_tokens_computed_total;
  Counter* const prompt_tokens_cached_total;
  Counter* const output_tokens_total;
  Counter* const slow_consumer_total;
  Counter* const poison_total;
  Histogram* const cancel_to_free_seconds;
  Histogram* const worker_detect_seconds;
  Histogram* const loop_delay_seconds;

 private:
  Counter* CounterOf(const Family& family, const Labels& labels) const;

  Metrics* const metrics_;
  Histogram* const duration_seconds_;
};

// "eos" for FINISH_REASON_EOS; "" for UNSPECIFIED.
std::string FinishReasonLabel(v1::FinishReason reason);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_ROUTER_METRICS_H_
