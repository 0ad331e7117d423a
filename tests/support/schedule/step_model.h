// A device that computes nothing: it keeps slots, block tables, history and KV memory as batch.h describes
// them, and draws each token as a hash of what it reads back through the block table. So a wrong block,
// position or token changes the output, and every rule of the contract that a batch breaks is reported.
#ifndef HEKLA_TESTS_SUPPORT_SCHEDULE_STEP_MODEL_H_
#define HEKLA_TESTS_SUPPORT_SCHEDULE_STEP_MODEL_H_

#include <cstdint>
#include <deque>
#include <vector>

#include "absl/status/status.h"
#include "worker/schedule/admission.h"
#include "worker/schedule/batch.h"

namespace hekla::test {

// The token after `tokens`, whose last one is at position tokens.size() - 1.
schedule::TokenId NextToken(const std::vector<schedule::TokenId>& tokens,
                            const schedule::SlotAssignment& slot, int vocabulary);

// The log probability of the last of `tokens` given those before it.
float PromptLogprob(const std::vector<schedule::TokenId>& tokens);

// What a request alone must give: its output (resumed ids not included), what it says of its prompt, and why
// it ended.
struct ExpectedOutput {
  std::vector<schedule::TokenId> tokens;
  std::vector<float> prompt_logprobs;  // if asked for
  schedule::FinishReason finish = schedule::FinishReason::kNone;
};
ExpectedOutput OutputAlone(const schedule::Request& request, const schedule::SchedulerOptions& options);

class StepModel {
 public:
  explicit StepModel(const schedule::SchedulerOptions& options);

  // Computes the step; FAILED_PRECONDITION names the rule of the contract that the batch breaks.
  absl::Status Submit(const schedule::Batch& batch);

  // The result of the oldest step not yet taken. There must be one.
  schedule::BatchResult Take();

  int in_flight() const { return static_cast<int>(steps_.size()); }

 private:
  struct Slot {
    uint64_t epoch = 0;  // one per assignment; 0 = never assigned
    bool dead = false;   // one of its blocks went to another slot
    schedule::SlotAssignment assignment;
    std::vector<int> blocks;                 // the block table
    std::vector<schedule::TokenId> history;  // -1: not written in this epoch
    int next_position = 0;
  };
  struct Step {
    std::vector<uint64_t> epochs;  // that it refers to
    schedule::BatchResult result;
  };

  absl::Status ApplySlots(const schedule::Batch& batch);
  absl::Status ApplyBlocks(const schedule::Batch& batch);
  absl::Status ApplyRows(const schedule::Batch& batch, Step* step);
  absl::Status Draw(const schedule::Batch& batch, Step* step);
  absl::Status ShareBlock(const schedule::BlockAssignment& assignment, Slot* slot);
  Slot* SlotOf(uint64_t epoch);
  bool Refers(uint64_t epoch) const;
  schedule::SampleResult Score(const schedule::BatchRow& row, schedule::TokenId token,
                               const Slot& slot) const;
  std::vector<schedule::TokenId> ReadBack(const Slot& slot, int tokens) const;

  const schedule::SchedulerOptions options_;
  std::vector<Slot> slots_;
  std::vector<schedule::TokenId> kv_;           // [kv_blocks][kBlockTokens]
  std::vector<std::vector<uint64_t>> holders_;  // epochs by block: who fills it, then those who share it
  std::vector<int> filled_;                     // tokens by block, from its start
  std::deque<Step> steps_;
  uint64_t last_step_ = 0, last_epoch_ = 0;
};

}  // namespace hekla::test

#endif  // HEKLA_TESTS_SUPPORT_SCHEDULE_STEP_MODEL_H_
