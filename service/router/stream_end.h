// PURE: what the end of a worker's stream means for its request and for the worker, and the errors that the
// router makes of it.
#ifndef HEKLA_SERVICE_ROUTER_STREAM_END_H_
#define HEKLA_SERVICE_ROUTER_STREAM_END_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "service/router/worker.h"

namespace hekla::service {

enum class StreamEnd {
  kComplete,      // the whole output came
  kBusy,          // the worker takes no more for now; nothing is wrong with it or with the request
  kTooSmall,      // the worker cannot hold the request; a larger one may
  kRequestError,  // the request failed and would fail anywhere
  kWorkerFault,   // the worker failed: another one may do better
};

// `status`: how the stream ended, OK before all samples were finished included.
StreamEnd JudgeEnd(const absl::Status& status, bool is_complete);

// What the breaker is told. Errors of requests say nothing about the worker.
WorkerVerdict VerdictOf(StreamEnd end);

// The connection to the worker broke; a worker that answers says why it is unavailable.
bool IsConnectionError(const absl::Status& status);

// A label: "lost", "stalled", "connection", "fault".
std::string FaultCause(const std::optional<WorkerLoss>& loss, const absl::Status& status);

// UNAVAILABLE WORKER_LOST: no further worker is tried, because of `why`.
absl::Status WorkerLostError(const std::string& worker, const std::string& why, int64_t sent_tokens,
                             const absl::Status& status);
// UNAVAILABLE DRAINING, with RetryInfo: the router is going down.
absl::Status DrainingError();
// INTERNAL POISON_REQUEST.
absl::Status PoisonError(absl::Duration refused_for);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_STREAM_END_H_
