// A Batch is the work of one step as flat arrays; it is also the unit in flight. The scheduler fills it, an executor computes it.
//
// A row is one token of one sequence. Its position is known to the host ahead of time; its id need not be: kFromDevice means
// "the id that an earlier step sampled for this sequence", which the executor finds in its own token history
// history[slot][position]. So the host may plan several steps ahead of the device.
#ifndef HEKLA_WORKER_SCHEDULE_BATCH_H_
#define HEKLA_WORKER_SCHEDULE_BATCH_H_

#include <cstdint>
#include <vector>

#include "worker/schedule/request.h"

namespace hekla::schedule {

inline constexpr TokenId kFromDevice = -1;
inline constexpr TokenId kDrawn = -1;

// Tokens of KV memory in one block; block b means the same token span in every layer.
inline constexpr int kBlockTokens = 32;

struct BatchRow {
  int slot = 0;                    // sequence slot, < Limits::max_sequences
  int position = 0;                // token index in the sequence, < Limits::max_context
  TokenId token = kFromDevice;     // >= 0: written to history[slot][position] before it is used
};

// Row `row` gives logits; a token is drawn from them and written to history[slot][position + 1]. Or the next token is known, as a prompt's
// is: then only its log probability is asked for (SamplingParams::prompt_logprobs), and nothing is drawn or written.
struct BatchSample {
  int row = 0;
  int slot = 0;
  TokenId token = kDrawn;          // >= 0: the known one
};

// A slot changes hands: its sampling parameters hold from this step on.
struct SlotAssignment {
  int slot = 0;
  SamplingParams sampling;
  std::vector<TokenId> suppressed_tokens;  // cannot be drawn while the new token's position is < suppress_until
  int suppress_until = 0;                  // token index in the sequence
};

// block_table[slot][index] = block. Entries that steps in flight may read are never changed.
struct BlockAssignment {
  int slot = 0;
  int index = 0;
  int block = 0;
  bool shared = false;             // full of the slot's tokens already, by earlier steps of another slot; it is only read
};

struct Batch {
  uint64_t step = 0;                           // 1, 2, 3, ...
  std::vector<SlotAssignment> slots;           // applied first
  std::vector<BlockAssignment> blocks;         // applied first
  std::vector<BatchRow> rows;                  // 1 .. Limits::max_rows; the rows of one slot are consecutive, positions ascending;
                                               // none is in a shared block
  std::vector<BatchSample> samples;            // 0 .. Limits::max_samples
  bool return_logits = false;                  // evaluation only: BatchResult::logits is filled; costs a read-back

  int max_context() const {                    // tokens visible to the longest row
    int n = 0;
    for (const BatchRow& row : rows) n = row.position + 1 > n ? row.position + 1 : n;
    return n;
  }
  void Clear() {
    slots.clear(), blocks.clear(), rows.clear(), samples.clear();
    return_logits = false;
  }
};

struct SampleResult {
  TokenId token = 0;                           // drawn, or BatchSample::token
  float logprob = 0;                           // of `token` under softmax at temperature 1 of the logits: after penalties and bias where it
                                               // was drawn, as they are where it was known
  std::vector<TokenLogprob> top;               // likeliest first; only if asked for
};

struct BatchResult {
  uint64_t step = 0;
  std::vector<SampleResult> samples;           // in the order of Batch::samples
  std::vector<float> logits;                   // [samples][vocabulary], raw, if Batch::return_logits
  double device_us = 0;                        // time on the device, 0 if not known
};

}  // namespace hekla::schedule

#endif  // HEKLA_WORKER_SCHEDULE_BATCH_H_
