// A finished run as text for a terminal, as JSON and as one HTML file without any other.
#ifndef HEKLA_SERVICE_CLIENT_BENCH_REPORT_H_
#define HEKLA_SERVICE_CLIENT_BENCH_REPORT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "service/client/bench/summary.h"

namespace hekla::bench {

struct Report {
  std::string title;  // "closed loop, 8 clients"
  std::vector<std::pair<std::string, std::string>> settings;  // name and value, in order
  absl::Time begun;
  absl::Duration elapsed;
  double client_cpu_seconds = 0;  // of this program
  bool interrupted = false;
  const Summary* summary = nullptr;

  double PerSecond(uint64_t count) const;
  double CpuMicrosPerMessage() const;
};

// The named percentiles of every latency, in the order in which reports show them.
struct NamedLatency {
  const char* name;  // "TTFT"
  const char* key;   // "time_to_first_token_seconds"
  const LatencyHistogram* histogram;
};
std::vector<NamedLatency> LatenciesOf(const Summary& summary);

std::string ReportText(const Report& report);
// Durations in seconds. One object, several lines.
std::string ReportJson(const Report& report);
std::string ReportHtml(const Report& report);

// "12.3 ms": three digits and a unit.
std::string ShowDuration(absl::Duration duration);

}  // namespace hekla::bench

#endif  // HEKLA_SERVICE_CLIENT_BENCH_REPORT_H_
