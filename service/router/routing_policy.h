// PURE: which worker a request goes to. Least estimated wait over any number of workers; of those that are
// equal, the less loaded of two drawn at random (power of two choices), so that many routers with stale
// reports do not all pick the same worker.
#ifndef HEKLA_SERVICE_ROUTER_ROUTING_POLICY_H_
#define HEKLA_SERVICE_ROUTER_ROUTING_POLICY_H_

#include <cstdint>

#include "absl/types/span.h"

namespace hekla::service {

struct Candidate {
  bool usable = true;                    // serves the model, takes new work, was not tried before
  int inflight = 0;                      // requests there
  int sequences = 1;                     // that run at once, >= 1
  int capacity = 1;                      // nothing is sent once inflight has reached it
  double queued_tokens = 0;              // prompt tokens there that are not computed yet
  double prefill_tokens_per_second = 0;  // 0 = not known
  double step_seconds = 0;               // of one decode step; 0 = not known
};

// Until the first token of one more request: the queued prompts' prefill, then a place in the batch if it is
// full.
double EstimateWaitSeconds(const Candidate& candidate);

// Index of the worker, -1 when none is usable and has room. `random` is any 64 random bits. O(candidates).
int ChooseWorker(absl::Span<const Candidate> candidates, uint64_t random);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_ROUTING_POLICY_H_
