#include "service/router/routing_policy.h"

#include <algorithm>
#include <vector>

namespace hekla::service {
namespace {

// Assumed of a worker that has not reported a rate yet.
constexpr double kUsualPrefillTokensPerSecond = 1000;
constexpr double kUsualStepSeconds = 0.02;
// Steps until a place in a full batch is free, on average over the batch.
constexpr double kUsualStepsPerRequest = 64;
// Waits that differ by less are equal: the reports they come from are not more exact.
constexpr double kTieRatio = 1.05;
constexpr double kTieSeconds = 0.0005;

// Means below it are noise: nobody waits.
constexpr double kLeastMeanSeconds = 0.01;
constexpr double kTieScore = 0.02;

double LoadRatio(const Candidate& candidate) {
  return static_cast<double>(candidate.inflight) / std::max(1, candidate.sequences);
}

// FNV-1a and a finaliser: not seeded, so that all routers agree.
uint64_t StableHash(absl::string_view first, absl::string_view second) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const absl::string_view part : {first, second}) {
    for (const char c : part) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    hash = (hash ^ 0xff) * 0x100000001b3u;
  }
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
  return hash ^ (hash >> 31);
}

int LessLoadedOfTwo(absl::Span<const Candidate> candidates, const std::vector<int>& ties, uint64_t random) {
  const int first = ties[(random & 0xffffffff) % ties.size()];
  const int second = ties[(random >> 32) % ties.size()];
  return LoadRatio(candidates[second]) < LoadRatio(candidates[first]) ? second : first;
}

int LeastWait(absl::Span<const Candidate> candidates, const std::vector<int>& free, uint64_t random) {
  double least = -1;
  for (const int i : free) {
    const double wait = EstimateWaitSeconds(candidates[i]);
    if (least < 0 || wait < least) least = wait;
  }
  std::vector<int> ties;
  for (const int i : free) {
    if (EstimateWaitSeconds(candidates[i]) <= least * kTieRatio + kTieSeconds) ties.push_back(i);
  }
  return LessLoadedOfTwo(candidates, ties, random);
}

int BestScore(absl::Span<const Candidate> candidates, const std::vector<int>& free, uint64_t random) {
  double mean = 0;
  for (const int i : free) mean += EstimateWaitSeconds(candidates[i]) / static_cast<double>(free.size());
  mean = std::max(mean, kLeastMeanSeconds);
  std::vector<double> scores;
  for (const int i : free) {
    scores.push_back(candidates[i].matched_share - kWaitWeight * EstimateWaitSeconds(candidates[i]) / mean);
  }
  const double best = *std::max_element(scores.begin(), scores.end());
  std::vector<int> ties;
  for (size_t i = 0; i < free.size(); ++i) {
    if (scores[i] >= best - kTieScore) ties.push_back(free[i]);
  }
  return LessLoadedOfTwo(candidates, ties, random);
}

}  // namespace

bool HasRoom(const Candidate& candidate) {
  return candidate.usable && candidate.inflight < candidate.capacity;
}

bool IsPanic(absl::Span<const Candidate> candidates) {
  size_t broken = 0;
  for (const Candidate& candidate : candidates) broken += candidate.broken ? 1 : 0;
  return 2 * broken > candidates.size();
}

double EstimateWaitSeconds(const Candidate& candidate) {
  const double rate = candidate.prefill_tokens_per_second > 0 ? candidate.prefill_tokens_per_second
                                                              : kUsualPrefillTokensPerSecond;
  const double step = candidate.step_seconds > 0 ? candidate.step_seconds : kUsualStepSeconds;
  const int sequences = std::max(1, candidate.sequences);
  const int without_place = std::max(0, candidate.inflight + 1 - sequences);
  const double steps = candidate.output_tokens > 0 ? candidate.output_tokens : kUsualStepsPerRequest;
  const double for_place = without_place * steps * step / sequences;
  // A fuller batch has longer steps, and the first token comes at the end of one.
  return candidate.queued_tokens / rate + for_place + step * LoadRatio(candidate);
}

std::optional<double> EstimateStartSeconds(absl::Span<const Candidate> candidates, int ahead) {
  int usable = 0;
  for (const Candidate& candidate : candidates) {
    if (!candidate.usable) continue;
    ++usable;
    const bool is_known = candidate.step_seconds > 0 && candidate.output_tokens > 0 &&
                          (candidate.queued_tokens == 0 || candidate.prefill_tokens_per_second > 0);
    if (!is_known) return std::nullopt;
  }
  if (usable == 0) return std::nullopt;
  double least = -1;
  for (Candidate candidate : candidates) {
    if (!candidate.usable) continue;
    candidate.inflight += ahead / usable;
    const double wait = EstimateWaitSeconds(candidate);
    if (least < 0 || wait < least) least = wait;
  }
  return least;
}

int ChooseWorker(absl::Span<const Candidate> candidates, uint64_t random) {
  std::vector<int> free;
  bool any_match = false;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (!HasRoom(candidates[i])) continue;
    free.push_back(static_cast<int>(i));
    any_match |= candidates[i].matched_share > 0;
  }
  if (free.empty()) return -1;
  return any_match ? BestScore(candidates, free, random) : LeastWait(candidates, free, random);
}

std::pair<int, int> RendezvousPair(absl::string_view session, absl::Span<const std::string> ids) {
  int first = -1, second = -1;
  uint64_t first_hash = 0, second_hash = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    const uint64_t hash = StableHash(session, ids[i]);
    if (first < 0 || hash > first_hash) {
      second = first, second_hash = first_hash;
      first = static_cast<int>(i), first_hash = hash;
    } else if (second < 0 || hash > second_hash) {
      second = static_cast<int>(i), second_hash = hash;
    }
  }
  return {first, second};
}

}  // namespace hekla::service
