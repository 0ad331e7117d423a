// The flags that make a GenerateRequest, shared by `generate` and `batch`.
#ifndef HEKLA_SERVICE_CLIENT_REQUEST_FLAGS_H_
#define HEKLA_SERVICE_CLIENT_REQUEST_FLAGS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "hekla/v1/inference.pb.h"
#include "service/runtime/command_line.h"

namespace hekla::service {

struct RequestFlags {
  std::string model;
  std::optional<uint32_t> max_tokens;
  uint32_t min_tokens = 0;
  std::optional<float> temperature, top_p, min_p, repetition_penalty, presence_penalty, frequency_penalty;
  std::optional<uint32_t> top_k, penalty_last_n, logprobs, prompt_logprobs;
  std::optional<uint64_t> seed;
  std::vector<std::string> stop_strings;
  std::vector<uint32_t> stop_token_ids;
  std::vector<std::string> logit_bias;  // "ID=BIAS"
  bool ignore_eos = false, include_stop = false, echo = false;
  std::string priority;
  absl::Duration queue_timeout = absl::ZeroDuration();  // 0 = the router's

  void AddTo(CommandLine& line);
  // The request without its prompt. INVALID_ARGUMENT: priority or logit_bias.
  absl::StatusOr<v1::GenerateRequest> ToRequest() const;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_CLIENT_REQUEST_FLAGS_H_
