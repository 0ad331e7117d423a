#include "worker/schedule/admission.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"

namespace hekla::schedule {
namespace {

template <typename... Args>
absl::Status Invalid(const Args&... args) {
  return absl::InvalidArgumentError(absl::StrCat(args...));
}

absl::Status CheckIds(const std::vector<TokenId>& ids, absl::string_view field, int vocabulary) {
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= vocabulary) {
      return Invalid(field, "[", i, "] is ", ids[i], ", the vocabulary has ", vocabulary, " tokens");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckFinite(float value, absl::string_view field) {
  if (!std::isfinite(value)) return Invalid(field, " is not a finite number");
  return absl::OkStatus();
}

absl::Status CheckSampling(const SamplingParams& sampling, int vocabulary) {
  HEKLA_RETURN_IF_ERROR(CheckFinite(sampling.temperature, "temperature"));
  HEKLA_RETURN_IF_ERROR(CheckFinite(sampling.presence_penalty, "presence_penalty"));
  HEKLA_RETURN_IF_ERROR(CheckFinite(sampling.frequency_penalty, "frequency_penalty"));
  HEKLA_RETURN_IF_ERROR(CheckFinite(sampling.repetition_penalty, "repetition_penalty"));
  if (sampling.temperature < 0) return Invalid("temperature is ", sampling.temperature, ", below 0");
  if (sampling.top_k < 0) return Invalid("top_k is ", sampling.top_k, ", below 0");
  if (!(sampling.top_p > 0 && sampling.top_p <= 1))
    return Invalid("top_p is ", sampling.top_p, ", outside (0, 1]");
  if (!(sampling.min_p >= 0 && sampling.min_p <= 1))
    return Invalid("min_p is ", sampling.min_p, ", outside [0, 1]");
  if (!(sampling.repetition_penalty > 0)) {
    return Invalid("repetition_penalty is ", sampling.repetition_penalty, ", not above 0");
  }
  if (sampling.penalty_last_n < 0) return Invalid("penalty_last_n is ", sampling.penalty_last_n, ", below 0");
  if (sampling.logprobs < -1 || sampling.logprobs > kMaxLogprobs) {
    return Invalid("logprobs is ", sampling.logprobs, ", the limit is ", kMaxLogprobs);
  }
  if (sampling.prompt_logprobs < -1 || sampling.prompt_logprobs > kMaxLogprobs) {
    return Invalid("prompt_logprobs is ", sampling.prompt_logprobs, ", the limit is ", kMaxLogprobs);
  }
  if (sampling.logit_bias.size() > kMaxLogitBias) {
    return Invalid("logit_bias has ", sampling.logit_bias.size(), " entries, the limit is ", kMaxLogitBias);
  }
  for (const auto& [id, bias] : sampling.logit_bias) {
    if (id < 0 || id >= vocabulary) {
      return Invalid("logit_bias names token ", id, ", the vocabulary has ", vocabulary, " tokens");
    }
    // Minus infinity bans a token; plus infinity would leave no distribution to draw from.
    if (std::isnan(bias) || bias == std::numeric_limits<float>::infinity()) {
      return Invalid("logit_bias of token ", id, " is ", bias);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckStop(const Request& request, const SchedulerOptions& options) {
  const StopParams& stop = request.stop;
  if (stop.max_tokens < 1) return Invalid("max_tokens is ", stop.max_tokens, ", below 1");
  if (stop.min_tokens < 0 || stop.min_tokens > stop.max_tokens) {
    return Invalid("min_tokens is ", stop.min_tokens, ", outside 0 .. max_tokens = ", stop.max_tokens);
  }
  const size_t stops = stop.stop_token_ids.size() + options.eos_tokens.size();
  if (stops > kMaxStopTokens) {
    return Invalid("stop_token_ids has ", stop.stop_token_ids.size(), " ids and the model ends with ",
                   options.eos_tokens.size(), ", the limit for both is ", kMaxStopTokens);
  }
  if (request.resumed_tokens >= stop.max_tokens) {
    return Invalid("max_tokens is ", stop.max_tokens, ", but ", request.resumed_tokens,
                   " tokens are already produced");
  }
  return CheckIds(stop.stop_token_ids, "stop_token_ids", options.vocabulary);
}

absl::Status CheckFits(const Request& request, const SchedulerOptions& options) {
  const int64_t prompt = static_cast<int64_t>(request.prompt.size()) - request.resumed_tokens;
  if (prompt >= options.max_context) {
    return Invalid("the prompt has ", prompt, " tokens, the context holds ", options.max_context,
                   " including at least 1 new token");
  }
  const int64_t total = prompt + request.stop.max_tokens;
  if (total > options.max_context) {
    return Invalid("prompt (", prompt, ") and max_tokens (", request.stop.max_tokens, ") are ", total,
                   " tokens together, the context holds ", options.max_context);
  }
  // The last token is drawn and never computed, so it needs no KV memory.
  if (BlocksFor(static_cast<int>(total - 1)) > options.kv_blocks) {
    return Invalid("prompt (", prompt, ") and max_tokens (", request.stop.max_tokens, ") need ",
                   BlocksFor(static_cast<int>(total - 1)), " KV blocks of ", kBlockTokens,
                   " tokens, there are ", options.kv_blocks);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckOptions(const SchedulerOptions& options) {
  const struct {
    const char* name;
    int value, least;
  } bounds[] = {{"max_sequences", options.max_sequences, 1}, {"max_context", options.max_context, 2},
                {"max_rows", options.max_rows, 1},           {"max_samples", options.max_samples, 1},
                {"kv_blocks", options.kv_blocks, 1},         {"max_in_flight", options.max_in_flight, 1},
                {"vocabulary", options.vocabulary, 1},       {"prefill_chunk", options.prefill_chunk, 0},
                {"max_waiting", options.max_waiting, 1}};
  for (const auto& bound : bounds) {
    if (bound.value < bound.least) return Invalid(bound.name, " is ", bound.value, ", below ", bound.least);
  }
  if (options.eos_tokens.size() > kMaxStopTokens) {
    return Invalid("the model has ", options.eos_tokens.size(), " end-of-sequence ids, the limit is ",
                   kMaxStopTokens);
  }
  return CheckIds(options.eos_tokens, "eos_tokens", options.vocabulary);
}

absl::Status CheckRequest(const Request& request, const SchedulerOptions& options) {
  if (request.prompt.empty()) return Invalid("the prompt has no tokens");
  if (request.resumed_tokens < 0 || request.resumed_tokens >= static_cast<int64_t>(request.prompt.size())) {
    return Invalid("resumed_tokens is ", request.resumed_tokens, ", the prompt with them has ",
                   request.prompt.size(), " tokens");
  }
  if (request.priority < 0 || request.priority > 2)
    return Invalid("priority is ", request.priority, ", outside 0 .. 2");
  HEKLA_RETURN_IF_ERROR(CheckStop(request, options));
  HEKLA_RETURN_IF_ERROR(CheckFits(request, options));
  HEKLA_RETURN_IF_ERROR(CheckSampling(request.sampling, options.vocabulary));
  return CheckIds(request.prompt, "prompt", options.vocabulary);
}

}  // namespace hekla::schedule
