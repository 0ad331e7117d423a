#include "service/router/router_metrics.h"

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "service/runtime/status.h"

namespace hekla::service {
namespace {

const RouterMetrics::Family kStarted{"hekla_router_requests_started_total", "Requests that came in."};
const RouterMetrics::Family kFinished{"hekla_router_requests_finished_total", "Requests that ended."};
const RouterMetrics::Family kRejected{"hekla_router_rejected_total",
                                      "Requests refused before they reached a worker."};
const RouterMetrics::Family kRetries{"hekla_router_retries_total",
                                     "Requests sent to another worker before their first token."};
const RouterMetrics::Family kResumes{"hekla_router_resumes_total",
                                     "Streams taken over by another worker after their first token."};
const RouterMetrics::Family kClientCancels{"hekla_router_client_cancel_total",
                                           "Requests cancelled by their client."};
const RouterMetrics::Family kRoutes{"hekla_router_route_total", "Requests sent to a worker, by what chose it."};

std::string ReasonLabel(const absl::Status& status) {
  const v1::ErrorReason reason = ReasonOf(status);
  return absl::AsciiStrToLower(
      ReasonName(reason == v1::ERROR_REASON_UNSPECIFIED ? v1::ERROR_REASON_INTERNAL : reason));
}

}  // namespace

std::string FinishReasonLabel(v1::FinishReason reason) {
  if (reason == v1::FINISH_REASON_UNSPECIFIED || !v1::FinishReason_IsValid(reason)) return "";
  const std::string& name = v1::FinishReason_Name(reason);
  return absl::AsciiStrToLower(absl::StripPrefix(name, "FINISH_REASON_"));
}

RouterMetrics::RouterMetrics(Metrics* metrics)
    : first_token_seconds(metrics->AddHistogram("hekla_router_time_to_first_token_seconds",
                                                "From a request's arrival to its first token.",
                                                FirstTokenBuckets())),
      token_latency_seconds(metrics->AddHistogram("hekla_router_inter_token_latency_seconds",
                                                  "Between consecutive deltas of a stream.",
                                                  TokenLatencyBuckets())),
      time_per_token_seconds(metrics->AddHistogram("hekla_router_time_per_output_token_seconds",
                                                   "Mean time per token of a request after its first.",
                                                   TokenLatencyBuckets())),
      queue_wait_seconds(metrics->AddHistogram(
          "hekla_router_queue_wait_seconds", "Wait in the router for a place at a worker.", QueueBuckets())),
      overhead_seconds(metrics->AddHistogram(
          "hekla_router_overhead_seconds", "From a delta's arrival at the router to the start of its write.",
          OverheadBuckets())),
      prompt_tokens(metrics->AddHistogram("hekla_router_prompt_tokens",
                                          "Prompt tokens of a finished request.", TokenCountBuckets())),
      output_tokens(metrics->AddHistogram("hekla_router_output_tokens",
                                          "Output tokens of a finished request.", TokenCountBuckets())),
      prompt_tokens_computed_total(metrics->AddCounter("hekla_router_prompt_tokens_total",
                                                       "Prompt tokens of finished requests.",
                                                       {{"source", "computed"}})),
      prompt_tokens_cached_total(metrics->AddCounter(
          "hekla_router_prompt_tokens_total", "Prompt tokens of finished requests.", {{"source", "cached"}})),
      output_tokens_total(metrics->AddCounter("hekla_router_output_tokens_total", "Tokens sent to clients.")),
      slow_consumer_total(metrics->AddCounter("hekla_router_slow_consumer_total",
                                              "Requests ended because their client did not read.")),
      poison_total(metrics->AddCounter("hekla_router_poison_total",
                                       "Requests found to have ended several workers.")),
      cancel_to_free_seconds(metrics->AddHistogram(
          "hekla_router_cancel_to_free_seconds",
          "From the cancel of a request at a worker until its place there is given to the next.",
          ReactionBuckets())),
      worker_detect_seconds(metrics->AddHistogram(
          "hekla_router_worker_detect_seconds",
          "From a worker's last sign of life until its death or stall is noticed.", ReactionBuckets())),
      loop_delay_seconds(metrics->AddHistogram("hekla_router_loop_delay_seconds",
                                               "How late the router's periodic work begins.",
                                               ReactionBuckets())),
      metrics_(metrics),
      duration_seconds_(metrics->AddHistogram("hekla_router_request_duration_seconds",
                                              "From a request's arrival to its end.", DurationBuckets())) {
  // Closed sets are there from the start: a rate over a series that begins with its first event misses it.
  for (const char* method : {"Generate", "BatchGenerate"}) CounterOf(kStarted, {{"method", method}});
  for (const char* cause : {"connection", "lost", "stalled", "fault", "full", "small"}) {
    for (const char* result : {"ok", "failed"}) {
      CounterOf(kRetries, {{"cause", cause}, {"result", result}});
      CounterOf(kResumes, {{"cause", cause}, {"result", result}});
    }
  }
  for (const char* phase : {"queued", "prefill", "decode"}) CounterOf(kClientCancels, {{"phase", phase}});
  for (const char* branch : {"session", "prefix", "least_wait", "panic"}) CounterOf(kRoutes, {{"branch", branch}});
}

Counter* RouterMetrics::CounterOf(const Family& family, const Labels& labels) const {
  return metrics_->AddCounter(family.name, family.help, labels);
}

void RouterMetrics::RequestStarted(const std::string& method) {
  CounterOf(kStarted, {{"method", method}})->Add();
}

void RouterMetrics::RequestFinished(const std::string& known_model, const absl::Status& status,
                                    v1::FinishReason reason, absl::Duration duration) {
  CounterOf(kFinished, {{"model", known_model},
                        {"code", absl::StatusCodeToString(status.code())},
                        {"reason", status.ok() ? FinishReasonLabel(reason) : ReasonLabel(status)}})
      ->Add();
  duration_seconds_->Observe(absl::ToDoubleSeconds(duration));
}

void RouterMetrics::Rejected(const std::string& known_model, const absl::Status& status) {
  CounterOf(kRejected, {{"model", known_model}, {"reason", ReasonLabel(status)}})->Add();
}

void RouterMetrics::Retried(const std::string& cause, bool ok) {
  CounterOf(kRetries, {{"cause", cause}, {"result", ok ? "ok" : "failed"}})->Add();
}

void RouterMetrics::Resumed(const std::string& cause, bool ok) {
  CounterOf(kResumes, {{"cause", cause}, {"result", ok ? "ok" : "failed"}})->Add();
}

void RouterMetrics::ClientCancelled(const std::string& phase) {
  CounterOf(kClientCancels, {{"phase", phase}})->Add();
}

void RouterMetrics::Routed(const std::string& branch) { CounterOf(kRoutes, {{"branch", branch}})->Add(); }

}  // namespace hekla::service
