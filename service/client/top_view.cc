#include "service/client/top_view.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "service/client/table.h"
#include "service/runtime/time.h"

namespace hekla::service {
namespace {

std::string Lower(absl::string_view name) { return absl::AsciiStrToLower(name); }

std::string Seconds(const google::protobuf::Duration& duration) {
  return absl::StrFormat("%.1f s", absl::ToDoubleSeconds(FromProto(duration)));
}

std::string Rate(double tokens_per_second) { return absl::StrFormat("%.1f", tokens_per_second); }

std::string WorkerTable(const v1::ListWorkersResponse& workers, const std::map<std::string, double>& rates) {
  Table table({"WORKER", "STATE", "MODEL", "INFLIGHT", "RUNNING", "WAITING", "FREE KV", "STEP", "TOKENS/S", "REPORT",
               "DEVICE"});
  for (const v1::WorkerState& worker : workers.workers()) {
    const auto rate = rates.find(worker.worker_id());
    table.AddRow({worker.worker_id(), Lower(v1::WorkerState::State_Name(worker.state())), worker.model().name(),
                  absl::StrCat(worker.inflight()), absl::StrCat(worker.load().running()),
                  absl::StrCat(worker.load().waiting()), absl::StrCat(worker.load().free_kv_tokens()),
                  absl::StrFormat("%.2f ms", 1e3 * worker.load().step_seconds()),
                  Rate(rate == rates.end() ? 0 : rate->second),
                  worker.has_report_age() ? Seconds(worker.report_age()) : "none", worker.device()});
  }
  return table.ToString();
}

}  // namespace

std::string TopView::Render(const v1::ListWorkersResponse& workers, const v1::ListInFlightResponse& inflight,
                            absl::Time now) {
  Table requests({"REQUEST", "WORKER", "PHASE", "AGE", "TOKENS", "TOKENS/S", "ATTEMPTS", "PRIORITY", "PEER"});
  std::map<std::string, double> worker_rates;
  std::map<std::string, uint32_t> tokens_now;
  std::map<std::string, int> phases;
  double total_rate = 0;
  size_t shown = 0;
  for (const v1::InFlight& each : inflight.requests()) {
    const auto seen = tokens_before_.find(each.request_id());
    const bool is_new = seen == tokens_before_.end();
    const double seconds = absl::ToDoubleSeconds(is_new ? FromProto(each.age()) : now - before_);
    const uint32_t before = is_new ? 0 : std::min(seen->second, each.output_tokens());
    const double rate = seconds > 0 ? (each.output_tokens() - before) / seconds : 0;
    const std::string phase = Lower(v1::InFlight::Phase_Name(each.phase()));
    tokens_now[each.request_id()] = each.output_tokens();
    worker_rates[each.worker_id()] += rate;
    total_rate += rate;
    ++phases[phase];
    if (++shown > most_requests_) continue;
    requests.AddRow({each.request_id(), each.worker_id(), phase, Seconds(each.age()),
                     absl::StrCat(each.output_tokens()), Rate(rate), absl::StrCat(each.attempts()),
                     Lower(absl::StripPrefix(v1::Priority_Name(each.priority()), "PRIORITY_")), each.peer()});
  }
  tokens_before_ = std::move(tokens_now);
  before_ = now;

  const auto ready = std::count_if(workers.workers().begin(), workers.workers().end(), [](const auto& worker) {
    return worker.state() == v1::WorkerState::READY;
  });
  std::string text = absl::StrFormat(
      "%s  %d of %d workers ready, %d requests", absl::FormatTime("%H:%M:%S", now, absl::UTCTimeZone()), ready,
      workers.workers_size(), inflight.requests_size());
  const char* separator = " (";
  for (const auto& [phase, count] : phases) {
    absl::StrAppend(&text, separator, count, " ", phase);
    separator = ", ";
  }
  absl::StrAppend(&text, phases.empty() ? "" : ")", ", ", Rate(total_rate), " tokens/s\n\n",
                  WorkerTable(workers, worker_rates), "\n");
  if (shown > 0) text += requests.ToString();
  if (shown > most_requests_) absl::StrAppend(&text, "and ", shown - most_requests_, " more\n");
  return text;
}

}  // namespace hekla::service
