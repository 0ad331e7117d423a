// PURE: which worker a request goes to.
//
// Score of a worker = share of the prompt that it has seen - kWaitWeight x (its estimated wait / mean wait): the
// best score wins. A prompt that nobody has seen goes to the least wait. Those that are equal are decided by
// the less loaded of two drawn at random (power of two choices), so that many routers with stale reports do
// not all pick the same worker.
#ifndef HEKLA_SERVICE_ROUTER_ROUTING_POLICY_H_
#define HEKLA_SERVICE_ROUTER_ROUTING_POLICY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace hekla::service {

inline constexpr double kWaitWeight = 0.3;

struct Candidate {
  bool usable = true;                    // serves the model, takes new work, was not tried before
  bool broken = false;                   // its breaker lets nothing through
  int inflight = 0;                      // requests there
  int sequences = 1;                     // that run at once, >= 1
  int capacity = 1;                      // nothing is sent once inflight has reached it
  double queued_tokens = 0;              // prompt tokens there that are not computed yet
  double prefill_tokens_per_second = 0;  // 0 = not known
  double step_seconds = 0;               // of one decode step; 0 = not known
  double output_tokens = 0;              // of a usual request; 0 = not known
  double matched_share = 0;              // of the prompt in question, seen there before; 0 .. 1
};

bool HasRoom(const Candidate& candidate);

// More than half of the candidates are broken: then their breakers are ignored (and their leases are not).
bool IsPanic(absl::Span<const Candidate> candidates);

// Until the first token of one more request: the queued prompts' prefill, then a place in the batch if it is
// full.
double EstimateWaitSeconds(const Candidate& candidate);

// The least wait of a request behind `ahead` others that wait for any of the candidates. nullopt when one of
// the usable ones has not said how fast it is, or none is usable.
std::optional<double> EstimateStartSeconds(absl::Span<const Candidate> candidates, int ahead);

// Index of the worker, -1 when none is usable and has room. `random` is any 64 random bits. O(candidates).
int ChooseWorker(absl::Span<const Candidate> candidates, uint64_t random);

// The two workers of `ids` that come first for `session` by rendezvous hashing: the same at every router, and
// a worker that comes or goes moves only its own sessions. Second = -1 with one id, both with none.
std::pair<int, int> RendezvousPair(absl::string_view session, absl::Span<const std::string> ids);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_ROUTING_POLICY_H_
