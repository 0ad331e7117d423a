// What a scheduler can take at all: pure checks of options and of requests, before anything is queued.
#ifndef HEKLA_WORKER_SCHEDULE_ADMISSION_H_
#define HEKLA_WORKER_SCHEDULE_ADMISSION_H_

#include <vector>

#include "absl/status/status.h"
#include "worker/schedule/batch.h"
#include "worker/schedule/request.h"

namespace hekla::schedule {

struct SchedulerOptions {
  int max_sequences = 0;  // slots
  int max_context = 0;    // tokens of one sequence
  int max_rows = 0;       // tokens of one step: the token budget
  int max_samples = 0;    // sampled rows of one step
  int kv_blocks = 0;      // blocks of kBlockTokens tokens
  int max_in_flight = 0;  // steps planned and not yet finished
  int vocabulary = 0;
  int prefill_chunk = 0;  // most prompt tokens of one step, all sequences together; 0 = max_rows
  int max_waiting = 256;  // requests that wait for their first step
  std::vector<TokenId> eos_tokens;
};

inline constexpr int BlocksFor(int tokens) { return (tokens + kBlockTokens - 1) / kBlockTokens; }

// INVALID_ARGUMENT names the option out of range.
absl::Status CheckOptions(const SchedulerOptions& options);

// INVALID_ARGUMENT names the field, its value and the limit: an id outside the vocabulary, a parameter out of
// range, or a request that can never fit (prompt and max_tokens together beyond max_context or beyond all KV
// blocks).
absl::Status CheckRequest(const Request& request, const SchedulerOptions& options);

}  // namespace hekla::schedule

#endif  // HEKLA_WORKER_SCHEDULE_ADMISSION_H_
