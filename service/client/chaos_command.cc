#include "service/client/chaos_command.h"

#include <fstream>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "service/client/chaos/chaos_run.h"
#include "service/client/chaos/cluster.h"
#include "service/client/chaos/fault.h"
#include "service/client/chaos/fault_row.h"
#include "service/client/table.h"
#include "worker/base/status_macros.h"

namespace hekla::service {
namespace {

constexpr uint64_t kUsualRequests = 800;
constexpr uint32_t kUsualClients = 48;
constexpr int kFakeRate = 100;  // tokens a second
// Different requests to a real model, whose outputs have to be known beforehand.
constexpr uint64_t kModelDistinct = 40;
constexpr int kMostWorkers = 32;

absl::StatusOr<std::vector<int>> ParseWorkers(const std::string& text) {
  std::vector<int> counts;
  for (const absl::string_view word : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    int count = 0;
    if (!absl::SimpleAtoi(word, &count) || count < 1 || count > kMostWorkers) {
      return absl::InvalidArgumentError(
          absl::StrCat("--chaos-workers: '", word, "' is not a number in 1 .. ", kMostWorkers));
    }
    counts.push_back(count);
  }
  if (counts.empty()) return absl::InvalidArgumentError("--chaos-workers: no number is given");
  return counts;
}

absl::StatusOr<chaos::ChaosOptions> ToOptions(const ChaosFlags& flags, const BenchFlags& bench) {
  chaos::ChaosOptions options;
  HEKLA_ASSIGN_OR_RETURN(options.work, bench.ToWorkload());
  if (bench.rate.has_value()) return absl::InvalidArgumentError("--chaos has a closed loop: no --rate");
  if (bench.duration > absl::ZeroDuration()) {
    return absl::InvalidArgumentError("--chaos sends a number of requests: no --duration");
  }
  if (!bench.html_path.empty()) return absl::InvalidArgumentError("--chaos prints a table: no --html");
  if (options.work.cancel_share > 0 || options.work.slow_share > 0) {
    return absl::InvalidArgumentError("--chaos compares outputs: no --cancel-share and no --slow-share");
  }
  options.requests = bench.requests > 0 ? bench.requests : kUsualRequests;
  options.clients = bench.clients.value_or(kUsualClients);
  options.relents_after = flags.relents_after;
  if (!flags.model_path.empty()) options.work.distinct = std::min(kModelDistinct, options.requests);
  options.cluster.programs = flags.programs.empty() ? chaos::FolderOfThisProgram() : flags.programs;
  options.cluster.model_path = flags.model_path;
  options.cluster.fake_rate = kFakeRate;
  // Those that are left have places for all clients: what is measured is the fault, not a queue.
  options.cluster.max_sequences = static_cast<int>(std::max(64u, options.clients));
  return options;
}

absl::Status WriteJson(const std::string& path, const std::string& json, const CommandStreams& streams) {
  if (path == "-") {
    streams.out << json;
    return absl::OkStatus();
  }
  std::ofstream file(path, std::ios::binary);
  file << json;
  file.close();
  return file ? absl::OkStatus() : absl::UnavailableError(absl::StrCat("file ", path, " cannot be written"));
}

}  // namespace

void ChaosFlags::AddTo(CommandLine& line) {
  line.Section("Chaos: faults under a closed loop, in a router and workers of its own");
  line.AddSwitch("chaos", "run the kill matrix; exit code 1 when a request was lost or an output was wrong", &chaos);
  line.Add("chaos-faults", "LIST", "which, separated by commas", &faults);
  line.Add("chaos-workers", "LIST", "with so many workers, one of them struck", &workers);
  line.Add("chaos-model", "FILE", "hekla-worker with this model (GGUF); unset: hekla-fake-worker", &model_path);
  line.Add("chaos-relent", "TIME", "then a frozen worker goes on, so that the load ends", &relents_after);
  line.Add("programs", "FOLDER", "where hekla-router and the workers are; unset: where hekla is", &programs);
}

int RunChaos(const ChaosFlags& flags, const BenchFlags& bench, const CommandStreams& streams) {
  const auto faults = chaos::ParseFaults(flags.faults);
  const auto worker_counts = ParseWorkers(flags.workers);
  const auto options = ToOptions(flags, bench);
  absl::Status status = faults.ok() ? worker_counts.status()
                                    : absl::InvalidArgumentError(absl::StrCat("--chaos-faults: ", faults.status().message()));
  if (status.ok()) status = options.status();
  if (!status.ok()) {
    streams.err << "hekla: " << status.message() << "\n";
    return kExitUsage;
  }
  if (!bench.quiet) streams.err << "the run to compare with ...\n" << std::flush;
  const auto expected = chaos::ExpectedHashes(*options);
  if (!expected.ok()) return Fail(expected.status(), streams);
  std::vector<chaos::FaultRow> rows;
  for (const int workers : *worker_counts) {
    for (const chaos::Fault fault : *faults) {
      if (!bench.quiet) {
        streams.err << absl::StreamFormat("%d workers: %s ...\n", workers, chaos::FaultStory(fault)) << std::flush;
      }
      auto row = chaos::RunFault(*options, fault, workers, *expected, streams.interrupted);
      if (!row.ok()) return Fail(row.status(), streams);
      rows.push_back(*std::move(row));
    }
  }
  if (bench.json_path != "-") {
    std::vector<std::vector<std::string>> cells = chaos::FaultTable(rows);
    Table table(cells.front());
    for (size_t i = 1; i < cells.size(); ++i) table.AddRow(std::move(cells[i]));
    streams.out << table.ToString();
  }
  if (!bench.json_path.empty()) status = WriteJson(bench.json_path, chaos::FaultJson(rows), streams);
  if (!status.ok()) return Fail(status, streams);
  for (const chaos::FaultRow& row : rows) {
    if (!row.IsClean()) return kExitError;
  }
  return kExitOk;
}

}  // namespace hekla::service
