#include "service/client/bench/summary.h"

#include "absl/strings/str_cat.h"
#include "service/runtime/status.h"

namespace hekla::bench {

bool Objectives::IsGiven() const {
  const absl::Duration any = absl::InfiniteDuration();
  return first_token < any || per_token < any || whole < any;
}

std::string ErrorClass(const absl::Status& status) {
  const std::string reason = service::ErrorInfoOf(status).reason();
  return absl::StrCat(absl::StatusCodeToString(status.code()),
                      reason.empty() ? "" : absl::StrCat(" (", reason, ")"));
}

void Summary::Add(const RequestRecord& record) {
  ++requests;
  attempts += record.attempts;
  slow += record.slow ? 1 : 0;
  messages += record.messages;
  prompt_tokens += record.prompt_tokens;
  output_tokens += record.tokens;
  skipped_tokens += record.skipped;
  repeated_tokens += record.repeated;
  resumed += record.resumed_times > 0 ? 1 : 0;
  if (record.cancelled) {
    ++cancelled;
  } else if (record.status.ok()) {
    ++completed;
  } else {
    ++failed;
    ++errors[ErrorClass(record.status)];
    if (absl::IsResourceExhausted(record.status) && record.tokens == 0)
      refusal.Add(record.ended - record.started);
  }
  start_delay.Add(record.started - record.intended);
  timeline_.Add(record);
  if (!record.slow) AddLatencies(record);
}

void Summary::AddLatencies(const RequestRecord& record) {
  if (record.arrivals.empty()) return;
  const uint32_t first_us = record.arrivals.front().after_us, last_us = record.arrivals.back().after_us;
  first_token.Add(absl::Microseconds(first_us));
  if (!record.IsComplete()) return;
  for (size_t i = 1; i < record.arrivals.size(); ++i) {
    between_tokens.Add(
        absl::Microseconds(record.arrivals[i].after_us - record.arrivals[i - 1].after_us));
  }
  const absl::Duration took = record.ended - record.intended;
  whole.Add(took);
  absl::Duration each = absl::ZeroDuration();
  if (record.tokens > 1) {
    each = absl::Microseconds(last_us - first_us) / (record.tokens - 1);
    per_token.Add(each);
  }
  const bool is_good = absl::Microseconds(first_us) <= objectives_.first_token &&
                       each <= objectives_.per_token && took <= objectives_.whole;
  if (is_good) ++good;
}

}  // namespace hekla::bench
