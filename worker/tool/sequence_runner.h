// One sequence driven over an Executor: logits of every position, and greedy continuation that feeds itself.
//
// Thread rule: one thread. Lifetime: the executor must outlive it, with slot 0 and all KV blocks free for it.
#ifndef HEKLA_WORKER_TOOL_SEQUENCE_RUNNER_H_
#define HEKLA_WORKER_TOOL_SEQUENCE_RUNNER_H_

#include <functional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "worker/engine/executor.h"
#include "worker/schedule/batch.h"

namespace hekla::tool {

class SequenceRunner {
 public:
  explicit SequenceRunner(engine::Executor* executor) : executor_(*executor) {}

  // Forgets the sequence; the next token is at position 0.
  void Restart() { position_ = 0; }

  // Logits [count][vocabulary] of the positions first, first + 1, ...; valid during the call only.
  using LogitsSink = absl::FunctionRef<absl::Status(int first, absl::Span<const float> logits)>;

  // Appends `tokens` in steps of at most `chunk` and hands their logits to `sink`. INVALID_ARGUMENT: a token
  // outside the vocabulary, or more tokens than the executor's context.
  absl::Status Feed(absl::Span<const schedule::TokenId> tokens, int chunk, LogitsSink sink);

  // Appends `tokens` without logits, then the `count` likeliest tokens one by one, and returns these. Several
  // steps in flight; each takes its token from the device.
  absl::StatusOr<std::vector<schedule::TokenId>> Continue(absl::Span<const schedule::TokenId> tokens,
                                                          int chunk, int count);

 private:
  absl::Status Check(absl::Span<const schedule::TokenId> tokens, int more) const;
  // A batch that continues the sequence by `tokens`; the first of a sequence assigns the slot and its blocks.
  schedule::Batch NextBatch(absl::Span<const schedule::TokenId> tokens);
  absl::Status AwaitTokens(std::vector<schedule::TokenId>* tokens);

  engine::Executor& executor_;
  uint64_t step_ = 0;
  int position_ = 0;
};

}  // namespace hekla::tool

#endif  // HEKLA_WORKER_TOOL_SEQUENCE_RUNNER_H_
