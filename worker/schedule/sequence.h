// A sequence is a request in the scheduler: its tokens as the host knows them, what is planned for it, and
// what it holds. Private to the scheduler.
#ifndef HEKLA_WORKER_SCHEDULE_SEQUENCE_H_
#define HEKLA_WORKER_SCHEDULE_SEQUENCE_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "worker/base/check.h"
#include "worker/schedule/request.h"
#include "worker/schedule/scheduler.h"

namespace hekla::schedule {

enum class SequenceState {
  kWaiting,
  kRunning,     // holds a slot
  kPreempting,  // waits for its planned steps; their tokens count
  kEnded,       // waits for its planned steps; their tokens are dropped
};

struct Scheduler::Sequence {
  Request request;              // its prompt has moved to `tokens`
  std::vector<TokenId> tokens;  // prompt and output, as known on the host
  int prompt_tokens = 0;        // the original prompt, resumed tokens not included
  int end = 0;                  // tokens at most: prompt_tokens + max_tokens
  int prefill_end = 0;          // the host feeds tokens [0, prefill_end), the device the rest
  int planned = 0;              // rows planned: positions [0, planned)
  int scored = 0;           // prompt rows [0, scored) have had their sample planned, and never get it again
  uint64_t chunk_step = 0;  // the step with its last rows of the prompt ...
  int chunk_first = 0;      // ... and the first of them
  int in_flight = 0;        // planned steps that refer to this sequence
  int slot = -1;
  std::vector<int> blocks;  // blocks[i] holds positions [i * kBlockTokens, (i + 1) * kBlockTokens)
  uint64_t arrival = 0;
  SequenceState state = SequenceState::kWaiting;
  bool started = false;
  bool parked = false;  // running or waiting ones are then in parked_; a preempting one goes there

  bool Before(const Sequence& other) const {
    if (request.priority != other.request.priority) return request.priority > other.request.priority;
    return arrival < other.arrival;
  }
  // Rows are planned for positions below this: the last token is drawn and not computed.
  int rows_end() const { return end - 1; }
  // Of prompt rows [0, this) the next token's log probability is asked for.
  int scored_end() const { return request.sampling.prompt_logprobs >= 0 ? prompt_tokens - 1 : 0; }
  bool scores() const { return scored < scored_end(); }
  // A row of the prompt, as fed now, that gives a sample.
  bool samples(int position) const {
    return position == prefill_end - 1 || (position >= scored && position < scored_end());
  }
  int uncomputed_prompt_tokens() const { return planned < prefill_end ? prefill_end - planned : 0; }
};

// Puts a sequence where the order of service has it.
template <typename Sequence, typename List>
void InsertInOrder(Sequence* sequence, List* list) {
  const auto before = [](const Sequence* a, const Sequence* b) { return a->Before(*b); };
  list->insert(std::upper_bound(list->begin(), list->end(), sequence, before), sequence);
}

// Takes a sequence out of a list it is in.
template <typename List, typename Sequence>
void EraseFrom(List* list, Sequence* sequence) {
  const auto found = std::find(list->begin(), list->end(), sequence);
  HEKLA_CHECK(found != list->end(), "a sequence is not in its list");
  list->erase(found);
}

}  // namespace hekla::schedule

#endif  // HEKLA_WORKER_SCHEDULE_SEQUENCE_H_
