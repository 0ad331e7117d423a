// The sampler in plain C++: the definition that every device's sampler is tested against.
//
// Order: repetition, presence and frequency penalty over the window -> logit bias -> suppression ->
// temperature -> top_k -> top_p
// -> min_p -> draw. The exact rules:
//   * Penalties and bias are float32. A token that occurs in the window: l = l > 0 ? l / repetition : l *
//   repetition, once;
//     l -= presence; l -= count * frequency. A NaN counts as -infinity from then on.
//   * Greedy (temperature <= 0): the largest l, the lowest id among equals; id 0 when all are -infinity.
//   * Else z = (l - max) / temperature, p = exp(z) / sum over the kept ids, renormalised after each of these
//   stages:
//     top_k keeps the k largest and all ties of the k-th; top_p keeps the fewest of the largest whose mass
//     reaches top_p, and all ties of the last; min_p keeps p >= min_p * largest p.
//   * Draw: w = floor(p * 2^30), at least 1 for the likeliest; W = sum of w; target = u * W / 2^32 (rounded
//   down) with
//     u = DrawBits(seed, sample_index, position); the first id, ascending, whose cumulative w exceeds target.
//   * Log probabilities: log softmax of l after suppression, at temperature 1; of a token that is known, of
//   the raw l.
#ifndef HEKLA_WORKER_CPU_SAMPLER_H_
#define HEKLA_WORKER_CPU_SAMPLER_H_

#include "absl/types/span.h"
#include "worker/schedule/batch.h"
#include "worker/schedule/request.h"

namespace hekla::cpu {

// Draws the token at index `position` of a sequence.
//   logits      [V] raw
//   history     [position] ids of the tokens before it; the last penalty_last_n are the window, negative ids
//   are skipped suppressed  ids that cannot be drawn now
// Ids outside the vocabulary, in history, bias and suppressed, have no effect. SampleResult::logprob and top
// are filled if params.logprobs >= 0; top holds no token of probability 0.
schedule::SampleResult SampleToken(absl::Span<const float> logits,
                                   absl::Span<const schedule::TokenId> history,
                                   const schedule::SamplingParams& params,
                                   absl::Span<const schedule::TokenId> suppressed, int position);

// How likely `token`, which is known, was by the raw logits [V], and the `count` likeliest; none of
// probability 0.
schedule::SampleResult ScoreToken(absl::Span<const float> logits, schedule::TokenId token, int count);

}  // namespace hekla::cpu

#endif  // HEKLA_WORKER_CPU_SAMPLER_H_
