#include "service/client/bench/report.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/client/bench/json_object.h"

namespace hekla::bench {
namespace {

std::string Row(const NamedLatency& latency) {
  const LatencyHistogram& h = *latency.histogram;
  if (h.count() == 0) return absl::StrFormat("%-12s %10s\n", latency.name, "none");
  return absl::StrFormat("%-12s %10s %10s %10s %10s %10s %10s\n", latency.name, ShowDuration(h.Quantile(0.5)),
                         ShowDuration(h.Quantile(0.9)), ShowDuration(h.Quantile(0.95)),
                         ShowDuration(h.Quantile(0.99)), ShowDuration(h.Max()), ShowDuration(h.Mean()));
}

JsonObject LatencyJson(const LatencyHistogram& h) {
  JsonObject json;
  json.Add("count", h.count());
  json.Add("mean", absl::ToDoubleSeconds(h.Mean())).Add("min", absl::ToDoubleSeconds(h.Min()));
  json.Add("p50", absl::ToDoubleSeconds(h.Quantile(0.5))).Add("p90", absl::ToDoubleSeconds(h.Quantile(0.9)));
  json.Add("p95", absl::ToDoubleSeconds(h.Quantile(0.95)))
      .Add("p99", absl::ToDoubleSeconds(h.Quantile(0.99)));
  return json.Add("max", absl::ToDoubleSeconds(h.Max()));
}

JsonObject ObjectivesJson(const Objectives& objectives) {
  JsonObject json;
  const auto add = [&json](const char* key, absl::Duration limit) {
    if (limit < absl::InfiniteDuration()) json.Add(key, absl::ToDoubleSeconds(limit));
  };
  add("time_to_first_token_seconds", objectives.first_token);
  add("time_per_output_token_seconds", objectives.per_token);
  add("end_to_end_seconds", objectives.whole);
  return json;
}

std::string TimelineJson(const Timeline& timeline) {
  std::string rows = "[";
  double at = 0;
  for (const TimeSlice& slice : timeline.slices()) {
    JsonObject row;
    row.Add("at_seconds", at).Add("due", slice.due).Add("completed", slice.completed);
    row.Add("failed", slice.failed).Add("tokens", slice.tokens);
    row.Add("first_token_p50", absl::ToDoubleSeconds(slice.first_token.Quantile(0.5)));
    row.Add("first_token_p99", absl::ToDoubleSeconds(slice.first_token.Quantile(0.99)));
    row.Add("between_tokens_p99", absl::ToDoubleSeconds(slice.between_tokens.Quantile(0.99)));
    absl::StrAppend(&rows, at > 0 ? ",\n    " : "", row.ToString());
    at += absl::ToDoubleSeconds(timeline.slice_length());
  }
  return rows + "]";
}

}  // namespace

std::string ShowDuration(absl::Duration duration) {
  const double seconds = absl::ToDoubleSeconds(duration);
  const auto digits = [](double value) { return value < 9.995 ? 2 : value < 99.95 ? 1 : 0; };
  if (seconds == 0) return "0 ms";
  if (seconds < 0.9995e-3) return absl::StrFormat("%.*f us", digits(seconds * 1e6), seconds * 1e6);
  if (seconds < 0.9995) return absl::StrFormat("%.*f ms", digits(seconds * 1e3), seconds * 1e3);
  return absl::StrFormat("%.*f s", digits(seconds), seconds);
}

double Report::PerSecond(uint64_t count) const {
  const double seconds = absl::ToDoubleSeconds(elapsed);
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

double Report::CpuMicrosPerMessage() const {
  if (summary->messages == 0) return 0;
  return 1e6 * client_cpu_seconds / static_cast<double>(summary->messages);
}

std::vector<NamedLatency> LatenciesOf(const Summary& summary) {
  return {{"TTFT", "time_to_first_token_seconds", &summary.first_token},
          {"ITL", "inter_token_latency_seconds", &summary.between_tokens},
          {"TPOT", "time_per_output_token_seconds", &summary.per_token},
          {"E2E", "end_to_end_seconds", &summary.whole},
          {"late start", "start_delay_seconds", &summary.start_delay}};
}

std::string ReportText(const Report& report) {
  const Summary& s = *report.summary;
  std::string text = absl::StrFormat("%s%s, %.1f s\n\n", report.title, report.interrupted ? ", interrupted" : "",
                                     absl::ToDoubleSeconds(report.elapsed));
  absl::StrAppendFormat(&text, "%-12s %10s %10s %10s %10s %10s %10s\n", "", "p50", "p90", "p95", "p99", "max",
                        "mean");
  for (const NamedLatency& latency : LatenciesOf(s)) text += Row(latency);
  if (s.refusal.count() > 0) text += Row({"refusal", "", &s.refusal});
  absl::StrAppendFormat(&text, "\nrequests     %d: %d completed, %d failed, %d cancelled as planned, %d read slowly\n",
                        s.requests, s.completed, s.failed, s.cancelled, s.slow);
  for (const auto& [name, count] : s.errors) absl::StrAppendFormat(&text, "             %d %s\n", count, name);
  if (s.attempts > s.requests)
    absl::StrAppendFormat(&text, "tried again  %d times\n", s.attempts - s.requests);
  if (s.resumed > 0) absl::StrAppendFormat(&text, "resumed      %d streams went on at another worker\n", s.resumed);
  absl::StrAppendFormat(&text, "rate         %.2f requests/s, %.1f output tokens/s, %.1f prompt tokens/s\n",
                        report.PerSecond(s.completed), report.PerSecond(s.output_tokens),
                        report.PerSecond(s.prompt_tokens));
  if (s.objectives().IsGiven()) {
    const uint64_t counted = s.whole.count() + s.failed;  // without slow readers
    absl::StrAppendFormat(&text, "goodput      %.2f requests/s within the objectives, %.1f %% of %d\n",
                          report.PerSecond(s.good),
                          counted > 0 ? 100.0 * static_cast<double>(s.good) / static_cast<double>(counted) : 0.0,
                          counted);
  }
  absl::StrAppendFormat(&text, "tokens       %d skipped, %d repeated%s\n", s.skipped_tokens, s.repeated_tokens,
                        s.IsExact() ? "" : ": THE STREAMS ARE BROKEN");
  absl::StrAppendFormat(&text, "this client  %.1f us of CPU a message, %.2f cores\n", report.CpuMicrosPerMessage(),
                        report.client_cpu_seconds / std::max(1e-9, absl::ToDoubleSeconds(report.elapsed)));
  return text;
}

std::string ReportJson(const Report& report) {
  const Summary& s = *report.summary;
  JsonObject settings, errors, latencies, json;
  for (const auto& [name, value] : report.settings) settings.Add(name, value);
  for (const auto& [name, count] : s.errors) errors.Add(name, count);
  for (const NamedLatency& latency : LatenciesOf(s))
    latencies.Add(latency.key, LatencyJson(*latency.histogram));
  latencies.Add("refusal_seconds", LatencyJson(s.refusal));
  json.Add("title", report.title).Add("settings", settings);
  json.Add("begun", absl::FormatTime(absl::RFC3339_sec, report.begun, absl::UTCTimeZone()));
  json.Add("elapsed_seconds", absl::ToDoubleSeconds(report.elapsed)).Add("interrupted", report.interrupted);
  json.Add("requests", s.requests).Add("completed", s.completed).Add("failed", s.failed);
  json.Add("cancelled", s.cancelled).Add("slow", s.slow).Add("attempts", s.attempts).Add("resumed", s.resumed);
  json.Add("errors", errors).Add("skipped_tokens", s.skipped_tokens).Add("repeated_tokens", s.repeated_tokens);
  json.Add("prompt_tokens", s.prompt_tokens).Add("output_tokens", s.output_tokens).Add("messages", s.messages);
  json.Add("requests_per_second", report.PerSecond(s.completed));
  json.Add("output_tokens_per_second", report.PerSecond(s.output_tokens));
  json.Add("objectives", ObjectivesJson(s.objectives())).Add("good", s.good);
  json.Add("goodput_requests_per_second", report.PerSecond(s.good));
  json.Add("client_cpu_micros_per_message", report.CpuMicrosPerMessage());
  json.Add("latencies", latencies);
  json.AddRaw("timeline", TimelineJson(s.timeline()));
  return json.ToLines();
}

}  // namespace hekla::bench
