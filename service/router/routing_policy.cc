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

bool HasRoom(const Candidate& candidate) {
  return candidate.usable && candidate.inflight < candidate.capacity;
}

double LoadRatio(const Candidate& candidate) {
  return static_cast<double>(candidate.inflight) / std::max(1, candidate.sequences);
}

}  // namespace

double EstimateWaitSeconds(const Candidate& candidate) {
  const double rate = candidate.prefill_tokens_per_second > 0 ? candidate.prefill_tokens_per_second
                                                              : kUsualPrefillTokensPerSecond;
  const double step = candidate.step_seconds > 0 ? candidate.step_seconds : kUsualStepSeconds;
  const int sequences = std::max(1, candidate.sequences);
  const int without_place = std::max(0, candidate.inflight + 1 - sequences);
  const double for_place = without_place * kUsualStepsPerRequest * step / sequences;
  // A fuller batch has longer steps, and the first token comes at the end of one.
  return candidate.queued_tokens / rate + for_place + step * LoadRatio(candidate);
}

int ChooseWorker(absl::Span<const Candidate> candidates, uint64_t random) {
  double least = -1;
  for (const Candidate& candidate : candidates) {
    if (!HasRoom(candidate)) continue;
    const double wait = EstimateWaitSeconds(candidate);
    if (least < 0 || wait < least) least = wait;
  }
  if (least < 0) return -1;

  std::vector<int> ties;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (!HasRoom(candidates[i])) continue;
    if (EstimateWaitSeconds(candidates[i]) <= least * kTieRatio + kTieSeconds)
      ties.push_back(static_cast<int>(i));
  }
  const int first = ties[(random & 0xffffffff) % ties.size()];
  const int second = ties[(random >> 32) % ties.size()];
  return LoadRatio(candidates[second]) < LoadRatio(candidates[first]) ? second : first;
}

}  // namespace hekla::service
