#include "service/router/stream_end.h"

#include "absl/strings/str_cat.h"
#include "service/router/poison_table.h"
#include "service/runtime/status.h"

namespace hekla::service {

StreamEnd JudgeEnd(const absl::Status& status, bool is_complete) {
  if (status.ok()) return is_complete ? StreamEnd::kComplete : StreamEnd::kWorkerFault;
  switch (ReasonOf(status)) {
    case v1::ERROR_REASON_QUEUE_FULL:
    case v1::ERROR_REASON_DRAINING:
      return StreamEnd::kBusy;
    case v1::ERROR_REASON_PROMPT_TOO_LONG:
    case v1::ERROR_REASON_NEVER_FITS:
      return StreamEnd::kTooSmall;
    default:
      break;
  }
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:  // by the worker: our own cancel is decided before
      return StreamEnd::kWorkerFault;
    default:
      return StreamEnd::kRequestError;
  }
}

WorkerVerdict VerdictOf(StreamEnd end) {
  if (end == StreamEnd::kComplete) return WorkerVerdict::kGood;
  return end == StreamEnd::kWorkerFault ? WorkerVerdict::kFault : WorkerVerdict::kNone;
}

bool IsConnectionError(const absl::Status& status) {
  return (absl::IsUnavailable(status) || absl::IsCancelled(status)) && ErrorInfoOf(status).reason().empty();
}

std::string FaultCause(const std::optional<WorkerLoss>& loss, const absl::Status& status) {
  if (loss.has_value()) return *loss == WorkerLoss::kStalled ? "stalled" : "lost";
  return IsConnectionError(status) ? "connection" : "fault";
}

absl::Status WorkerLostError(const std::string& worker, const std::string& why, int64_t sent_tokens,
                             const absl::Status& status) {
  return WithMetadata(MakeError(absl::StatusCode::kUnavailable, v1::ERROR_REASON_WORKER_LOST,
                                absl::StrCat("worker '", worker, "' was lost (", status.message(), "); ", why,
                                             "; ", sent_tokens, " tokens were delivered")),
                      "worker", worker);
}

absl::Status DrainingError() {
  return WithRetryAfter(
      MakeError(absl::StatusCode::kUnavailable, v1::ERROR_REASON_DRAINING, "the router is going down"),
      absl::Seconds(1));
}

absl::Status PoisonError(absl::Duration refused_for) {
  return MakeError(absl::StatusCode::kInternal, v1::ERROR_REASON_POISON_REQUEST,
                   absl::StrCat(kPoisonDeaths, " workers died of this request, the limit; it is refused for ",
                                absl::FormatDuration(absl::Trunc(refused_for, absl::Seconds(1)))));
}

}  // namespace hekla::service
