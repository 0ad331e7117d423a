// A Request is an admitted generation: prompt ids, sampling, limits, deadline. Plain data, no clock, no thread.
#ifndef HEKLA_WORKER_SCHEDULE_REQUEST_H_
#define HEKLA_WORKER_SCHEDULE_REQUEST_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hekla::schedule {

using TokenId = int32_t;

// Limits of the sampler, the same on every device.
inline constexpr int kMaxLogitBias = 1024;
inline constexpr int kMaxStopTokens = 16;   // stop ids and end-of-sequence ids together, as suppressed by min_tokens
inline constexpr int kMaxLogprobs = 20;

// How the next token is drawn. The order is: penalties over the history, logit bias, temperature, top_k, top_p, min_p, draw.
// The draw is a counter RNG (Philox 4x32-10) keyed by (seed, sample_index, position), so it depends on nothing else.
struct SamplingParams {
  float temperature = 0;         // 0 = greedy: the largest logit, the lowest id among equals
  int top_k = 0;                 // 0 = off
  float top_p = 1;               // 1 = off
  float min_p = 0;               // 0 = off
  float repetition_penalty = 1;  // 1 = off; over the last penalty_last_n tokens of prompt and output
  float presence_penalty = 0;    // 0 = off; over the same window
  float frequency_penalty = 0;   // 0 = off; over the same window
  int penalty_last_n = 64;       // tokens; 0 = no window, so no penalty
  std::vector<std::pair<TokenId, float>> logit_bias;  // <= kMaxLogitBias
  uint64_t seed = 0;
  uint32_t sample_index = 0;
  int logprobs = -1;             // -1 = none; 0 = the chosen token's; n = also the n likeliest, n <= kMaxLogprobs
  int prompt_logprobs = -1;      // the same of the prompt's tokens but the first, by the raw logits; resumed ones not included

  bool has_penalties() const {
    return penalty_last_n > 0 && (repetition_penalty != 1 || presence_penalty != 0 || frequency_penalty != 0);
  }
};

// When the generation ends. Stop strings are text and are matched above the engine, which then cancels.
struct StopParams {
  int max_tokens = 0;                     // new tokens, >= 1; resumed tokens count as new, here and below
  int min_tokens = 0;                     // end-of-sequence and stop ids cannot be drawn before this many
  bool ignore_eos = false;
  std::vector<TokenId> stop_token_ids;
};

struct Request {
  uint64_t id = 0;                        // unique in the process, given by the engine
  std::string name;                       // the caller's request id, for logs only
  std::vector<TokenId> prompt;            // >= 1 token; ids of a resumed request's output come last
  int resumed_tokens = 0;                 // how many of prompt's last ids were already produced by this request
  SamplingParams sampling;
  StopParams stop;
  int priority = 1;                       // 0 batch, 1 normal, 2 interactive
  int64_t deadline_us = 0;                // on the engine's clock; 0 = none
  uint64_t group = 0;                     // requests of one group have the same prompt and share its KV memory; 0 = none
};

enum class FinishReason { kNone, kEos, kStopToken, kMaxTokens, kContextLimit, kCancelled, kDeadline, kError };

struct TokenLogprob {
  TokenId token = 0;
  float logprob = 0;
};

}  // namespace hekla::schedule

#endif  // HEKLA_WORKER_SCHEDULE_REQUEST_H_
