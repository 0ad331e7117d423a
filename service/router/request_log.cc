#include "service/router/request_log.h"

#include "service/router/request_check.h"
#include "service/router/router_metrics.h"
#include "service/runtime/log.h"
#include "service/runtime/status.h"

namespace hekla::service {

void LogRequestEnd(const RequestEnd& end, const absl::Status& status) {
  LogLevel level = IsServerFault(status.code()) ? LogLevel::kWarning : LogLevel::kInfo;
  // A batch tries an item again that found no place: not its end, as a rule.
  const v1::ErrorReason reason = ReasonOf(status);
  const bool has_no_place =
      reason == v1::ERROR_REASON_QUEUE_FULL || reason == v1::ERROR_REASON_QUOTA_EXCEEDED;
  if (end.method == "BatchGenerate" && has_no_place) level = LogLevel::kDebug;
  const StreamLedger& ledger = *end.ledger;
  Log(level, "request",
      {{"request", end.request_id.size() <= kMaxNameBytes ? end.request_id : "(too long)"},
       {"trace", end.trace->trace_id},
       {"span", end.trace->span_id},
       {"parent_span", end.trace->parent_span_id},
       {"tenant", end.tenant},
       {"method", end.method},
       {"model", end.model},
       {"code", absl::StatusCodeToString(status.code())},
       {"reason", status.ok() ? FinishReasonLabel(ledger.finish_reason()) : ErrorInfoOf(status).reason()},
       {"worker", end.worker},
       {"faults", end.faults},
       {"prompt_tokens", ledger.started() ? ledger.started_event().prompt_tokens() : 0u},
       {"output_tokens", ledger.sent_tokens()},
       {"queue_s", absl::ToDoubleSeconds(end.queue_wait)},
       {"first_token_s", absl::ToDoubleSeconds(end.to_first_token)},
       {"total_s", absl::ToDoubleSeconds(end.in_all)}});
}

}  // namespace hekla::service
