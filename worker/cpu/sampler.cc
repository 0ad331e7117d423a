#include "worker/cpu/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "worker/schedule/philox.h"

namespace hekla::cpu {
namespace {

using schedule::SampleResult;
using schedule::SamplingParams;
using schedule::TokenId;

constexpr float kNever = -std::numeric_limits<float>::infinity();

// An id still in the running and exp(z), its probability but for the common factor.
struct Candidate {
  TokenId id;
  double weight;
};

void Penalise(absl::Span<const TokenId> history, const SamplingParams& params, std::vector<float>* logits) {
  const size_t window = std::min<size_t>(history.size(), std::max(params.penalty_last_n, 0));
  absl::flat_hash_map<TokenId, int> counts;
  for (TokenId id : history.subspan(history.size() - window)) {
    if (id >= 0 && size_t(id) < logits->size()) ++counts[id];
  }
  for (const auto& [id, count] : counts) {
    float& l = (*logits)[id];
    l = l > 0 ? l / params.repetition_penalty : l * params.repetition_penalty;
    l -= params.presence_penalty;
    l -= static_cast<float>(count) * params.frequency_penalty;
  }
}

std::vector<float> AdjustedLogits(absl::Span<const float> logits, absl::Span<const TokenId> history,
                                  const SamplingParams& params, absl::Span<const TokenId> suppressed) {
  std::vector<float> adjusted(logits.begin(), logits.end());
  Penalise(history, params, &adjusted);
  for (const auto& [id, bias] : params.logit_bias) {
    if (id >= 0 && size_t(id) < adjusted.size()) adjusted[id] += bias;
  }
  for (TokenId id : suppressed) {
    if (id >= 0 && size_t(id) < adjusted.size()) adjusted[id] = kNever;
  }
  for (float& l : adjusted) {
    if (std::isnan(l)) l = kNever;
  }
  return adjusted;
}

double Mass(const std::vector<Candidate>& candidates) {
  double sum = 0;
  for (const Candidate& c : candidates) sum += c.weight;
  return sum;
}

// Keeps the candidates whose weight is at least that of candidate number `last`; `sorted` is by falling
// weight.
void KeepThrough(size_t last, std::vector<Candidate>* sorted) {
  size_t end = last + 1;
  while (end < sorted->size() && (*sorted)[end].weight == (*sorted)[last].weight) ++end;
  sorted->resize(end);
}

void KeepTopP(double top_p, std::vector<Candidate>* sorted) {
  const double mass = Mass(*sorted);
  double sum = 0;
  for (size_t i = 0; i < sorted->size(); ++i) {
    sum += (*sorted)[i].weight;
    if (sum / mass >= top_p) return KeepThrough(i, sorted);
  }
}

// What may be drawn, by falling weight. The likeliest weighs 1.
std::vector<Candidate> Candidates(const std::vector<float>& logits, float largest,
                                  const SamplingParams& params) {
  std::vector<Candidate> kept;
  for (size_t id = 0; id < logits.size(); ++id) {
    if (logits[id] == kNever) continue;
    const double z = logits[id] == largest ? 0 : (double(logits[id]) - largest) / params.temperature;
    kept.push_back({TokenId(id), std::exp(z)});
  }
  std::sort(kept.begin(), kept.end(), [&](const Candidate& a, const Candidate& b) {
    return logits[a.id] != logits[b.id] ? logits[a.id] > logits[b.id] : a.id < b.id;
  });
  if (params.top_k > 0 && size_t(params.top_k) < kept.size()) {
    size_t end = params.top_k;
    while (end < kept.size() && logits[kept[end].id] == logits[kept[params.top_k - 1].id]) ++end;
    kept.resize(end);
  }
  if (params.top_p < 1) KeepTopP(params.top_p, &kept);
  if (params.min_p > 0) {
    while (kept.back().weight < std::min(params.min_p, 1.0f)) kept.pop_back();
  }
  return kept;
}

TokenId Draw(std::vector<Candidate> candidates, uint32_t bits) {
  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.id < b.id; });
  const double mass = Mass(candidates);
  std::vector<uint64_t> weights;
  uint64_t total = 0;
  for (const Candidate& c : candidates) {
    const uint64_t weight = static_cast<uint64_t>(std::floor(c.weight / mass * (1u << 30)));
    weights.push_back(c.weight == 1 ? std::max<uint64_t>(weight, 1) : weight);
    total += weights.back();
  }
  const uint64_t target = (bits * total) >> 32;
  uint64_t sum = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    sum += weights[i];
    if (sum > target) return candidates[i].id;
  }
  return candidates.back().id;
}

void FillLogprobs(const std::vector<float>& logits, float largest, int count, SampleResult* result) {
  double sum = 0;
  for (float l : logits) sum += l == largest ? 1 : std::exp(double(l) - largest);
  const double log_sum = std::log(sum);
  const auto logprob = [&](TokenId id) {
    return static_cast<float>(logits[id] == largest ? -log_sum : double(logits[id]) - largest - log_sum);
  };
  result->logprob = logprob(result->token);
  std::vector<TokenId> ids;
  for (size_t id = 0; id < logits.size(); ++id) {
    if (logits[id] != kNever) ids.push_back(TokenId(id));
  }
  const size_t top = std::min<size_t>(std::max(count, 0), ids.size());
  std::partial_sort(ids.begin(), ids.begin() + top, ids.end(), [&](TokenId a, TokenId b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  });
  for (size_t i = 0; i < top; ++i) result->top.push_back({ids[i], logprob(ids[i])});
}

}  // namespace

SampleResult SampleToken(absl::Span<const float> logits, absl::Span<const TokenId> history,
                         const SamplingParams& params, absl::Span<const TokenId> suppressed, int position) {
  const std::vector<float> adjusted = AdjustedLogits(logits, history, params, suppressed);
  const auto best = std::max_element(adjusted.begin(), adjusted.end());
  SampleResult result;
  result.token = static_cast<TokenId>(best - adjusted.begin());
  if (*best == kNever) {
    result.token = 0;
    if (params.logprobs >= 0) result.logprob = kNever;
    return result;
  }
  if (params.temperature > 0) {
    const uint32_t bits =
        schedule::DrawBits(params.seed, params.sample_index, static_cast<uint32_t>(position));
    result.token = Draw(Candidates(adjusted, *best, params), bits);
  }
  if (params.logprobs >= 0) FillLogprobs(adjusted, *best, params.logprobs, &result);
  return result;
}

SampleResult ScoreToken(absl::Span<const float> logits, TokenId token, int count) {
  const std::vector<float> clean = AdjustedLogits(logits, {}, SamplingParams(), {});
  const float largest = *std::max_element(clean.begin(), clean.end());
  SampleResult result;
  result.token = token;
  result.logprob = kNever;
  if (largest != kNever) FillLogprobs(clean, largest, count, &result);
  return result;
}

}  // namespace hekla::cpu
