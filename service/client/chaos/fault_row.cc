#include "service/client/chaos/fault_row.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "service/client/bench/json_object.h"
#include "service/client/bench/report.h"
#include "service/client/bench/summary.h"

namespace hekla::chaos {
namespace {

// The longest wait for a token that ended after `fault_time`, as far as it lies after it; of a stream that ran
// then. None for others.
std::optional<absl::Duration> PauseOf(const bench::RequestRecord& record, absl::Time fault_time) {
  if (record.intended > fault_time || record.ended < fault_time) return std::nullopt;
  std::optional<absl::Duration> longest;
  absl::Time before = fault_time;
  for (const bench::RequestRecord::Arrival& arrival : record.arrivals) {
    const absl::Time at = record.intended + absl::Microseconds(arrival.after_us);
    if (at <= fault_time) continue;
    longest = std::max(longest.value_or(absl::ZeroDuration()), at - before);
    before = at;
  }
  return longest;
}

std::string ShowOptional(const std::optional<absl::Duration>& duration) {
  return duration.has_value() ? bench::ShowDuration(*duration) : "";
}

}  // namespace

FaultRow MakeRow(Fault fault, int workers, absl::Time fault_time,
                 const std::vector<bench::RequestRecord>& records,
                 const std::vector<uint64_t>& expected_hashes) {
  FaultRow row;
  row.fault = fault;
  row.workers = workers;
  row.requests = records.size();
  for (const bench::RequestRecord& record : records) {
    row.duplicated += record.repeated;
    row.skipped += record.skipped;
    row.resumed += record.resumed_times > 0 ? 1 : 0;
    row.retried += record.attempts > 1 ? 1 : 0;
    if (const auto pause = PauseOf(record, fault_time)) {
      row.recovered = std::max(row.recovered.value_or(absl::ZeroDuration()), *pause);
    }
    if (!record.status.ok()) {
      ++row.lost;
      ++row.errors[bench::ErrorClass(record.status)];
    } else if (record.output_hash != expected_hashes[record.index % expected_hashes.size()]) {
      ++row.mismatched;
    }
  }
  return row;
}

std::vector<std::vector<std::string>> FaultTable(const std::vector<FaultRow>& rows) {
  std::vector<std::vector<std::string>> table = {{"FAULT", "WORKERS", "REQUESTS", "LOST", "DUPLICATED", "SKIPPED",
                                                  "MISMATCHED", "RESUMED", "RETRIED", "DETECTED", "RECOVERED",
                                                  "ERRORS"}};
  for (const FaultRow& row : rows) {
    const auto error = [](std::string* out, const auto& each) { absl::StrAppend(out, each.second, " ", each.first); };
    table.push_back({FaultStory(row.fault), absl::StrCat(row.workers), absl::StrCat(row.requests),
                     absl::StrCat(row.lost), absl::StrCat(row.duplicated), absl::StrCat(row.skipped),
                     absl::StrCat(row.mismatched), absl::StrCat(row.resumed), absl::StrCat(row.retried),
                     ShowOptional(row.detected), ShowOptional(row.recovered),
                     absl::StrJoin(row.errors, ", ", error)});
  }
  return table;
}

std::string FaultJson(const std::vector<FaultRow>& rows) {
  std::vector<std::string> objects;
  for (const FaultRow& row : rows) {
    bench::JsonObject json, errors;
    for (const auto& [name, count] : row.errors) errors.Add(name, count);
    json.Add("fault", FaultName(row.fault)).Add("workers", static_cast<uint64_t>(row.workers));
    json.Add("requests", row.requests).Add("lost", row.lost).Add("duplicated_tokens", row.duplicated);
    json.Add("skipped_tokens", row.skipped).Add("mismatched", row.mismatched).Add("resumed", row.resumed);
    json.Add("retried", row.retried).Add("errors", errors);
    if (row.detected.has_value()) json.Add("detected_seconds", absl::ToDoubleSeconds(*row.detected));
    if (row.recovered.has_value()) json.Add("recovered_seconds", absl::ToDoubleSeconds(*row.recovered));
    objects.push_back(json.ToString());
  }
  return absl::StrCat("[", absl::StrJoin(objects, ",\n "), "]\n");
}

}  // namespace hekla::chaos
