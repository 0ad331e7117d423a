// The flags of `hekla bench`.
#ifndef HEKLA_SERVICE_CLIENT_BENCH_FLAGS_H_
#define HEKLA_SERVICE_CLIENT_BENCH_FLAGS_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "service/client/bench/load_run.h"
#include "service/client/bench/summary.h"
#include "service/client/bench/workload.h"
#include "service/runtime/command_line.h"

namespace hekla::service {

struct BenchFlags {
  std::optional<uint32_t> clients;
  std::optional<float> rate;
  std::string arrivals = "poisson";
  uint64_t requests = 0;
  absl::Duration duration = absl::ZeroDuration();  // 0: none, or 30 s when requests is 0 as well
  uint64_t max_inflight = 10'000;
  uint32_t channels = 4;
  std::string model;
  std::string prompt_tokens = "128", output_tokens = "128", prompts_path;
  float shared_prefix_share = 0, cancel_share = 0, slow_share = 0, temperature = 0;
  uint32_t shared_prefix_tokens = 64;
  absl::Duration slow_pause = absl::Milliseconds(100);
  bool ignore_eos = true;
  std::string priority;
  uint64_t seed = 1;
  absl::Duration slo_ttft = absl::ZeroDuration(), slo_tpot = absl::ZeroDuration();  // 0: any
  absl::Duration slo_e2e = absl::ZeroDuration();
  std::string json_path, html_path;
  bool quiet = false;

  void AddTo(CommandLine& line);

  // INVALID_ARGUMENT names the flag; NOT_FOUND the file of prompts. The channels are not filled in.
  absl::StatusOr<bench::LoadOptions> ToLoad() const;
  absl::StatusOr<bench::WorkloadOptions> ToWorkload() const;
  bench::Objectives ToObjectives() const;
  // "closed loop, 8 clients".
  std::string Title() const;
  // What a report says about the load.
  std::vector<std::pair<std::string, std::string>> Settings() const;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_CLIENT_BENCH_FLAGS_H_
