// What the requests of a load are: request k is a function of the options and k. Thread-safe.
#ifndef HEKLA_SERVICE_CLIENT_BENCH_WORKLOAD_H_
#define HEKLA_SERVICE_CLIENT_BENCH_WORKLOAD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "hekla/v1/inference.pb.h"
#include "service/client/bench/length_distribution.h"

namespace hekla::bench {

struct WorkloadOptions {
  LengthDistribution prompt_tokens = LengthDistribution::Constant(128);
  LengthDistribution output_tokens = LengthDistribution::Constant(128);
  std::vector<std::string> prompts;  // texts, taken in turn; empty: random token ids of prompt_tokens length
  double shared_prefix_share = 0;    // of the requests; their prompts begin alike
  uint32_t shared_prefix_tokens = 0;
  double cancel_share = 0;  // of the requests; cancelled after a random part of their output
  double slow_share = 0;    // of the requests; read slowly
  float temperature = 0;
  bool ignore_eos = true;  // outputs have exactly the length that was drawn
  std::string priority;    // batch, normal, interactive; empty: the server's default
  uint64_t seed = 1;
  uint64_t distinct = 0;  // request k is the same as k % distinct; 0: all differ

  // INVALID_ARGUMENT: a share outside [0, 1], a prefix longer than prompts may be, an unknown priority.
  absl::Status Validate() const;
};

struct PlannedRequest {
  v1::GenerateRequest request;
  std::optional<uint32_t> cancel_after;  // this many tokens; 0: as soon as it is sent
  bool slow = false;
};

class Workload {
 public:
  // `model` says which token ids there are. `options` are valid.
  Workload(WorkloadOptions options, v1::Model model);

  // INVALID_ARGUMENT when the longest prompt and output together are beyond the model's context.
  absl::Status CheckFits() const;
  PlannedRequest Plan(uint64_t index) const;
  const WorkloadOptions& options() const { return options_; }

 private:
  void AppendIds(Random& random, uint32_t count, v1::TokenIds* ids) const;

  const WorkloadOptions options_;
  const v1::Model model_;
  v1::Priority priority_ = v1::PRIORITY_UNSPECIFIED;
  v1::TokenIds shared_prefix_;
};

}  // namespace hekla::bench

#endif  // HEKLA_SERVICE_CLIENT_BENCH_WORKLOAD_H_
