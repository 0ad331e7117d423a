// Push constants and fixed layouts that C++ and GLSL share; one declaration for both. All members are 4 bytes, so no padding differs.
#ifndef HEKLA_KERNELS_PARAMS_H_
#define HEKLA_KERNELS_PARAMS_H_

#ifdef __cplusplus
#include <cstdint>
namespace hekla::kernels {
using uint = uint32_t;
#define HEKLA_CONST inline constexpr uint
#else
#define HEKLA_CONST const uint
#endif

// A unit is 32 consecutive weights (or activations) of a row: what one lane takes at a time.
HEKLA_CONST kUnit = 32;
// Rows of a weight matrix are padded to this, so that a subgroup never reads past the end; where rows are interleaved, this many are.
HEKLA_CONST kRowPadding = 8;
HEKLA_CONST kInterleaved = 32;
// Tokens of a KV block, and of one split of the attention's split-K.
HEKLA_CONST kBlock = 32;
HEKLA_CONST kSplit = 256;
// Step inputs the host may have written and the device not yet read.
HEKLA_CONST kRing = 8;

// Step input entry, in words: header, rows {slot, position, token}, samples {row, slot, token}, pokes {slot-state word, value}.
HEKLA_CONST kInputRows = 0;
HEKLA_CONST kInputSamples = 1;
HEKLA_CONST kInputPokes = 2;
HEKLA_CONST kInputHeader = 4;
HEKLA_CONST kFromHistory = 0xffffffffu;  // token of a row: take it from the history
HEKLA_CONST kDrawn = 0xffffffffu;        // token of a sample: draw it; else it is known, and only its log probability is wanted

// Slot state, in words: parameters, then the block table, then logit-bias pairs {token, f32 bits}.
HEKLA_CONST kSlotTemperature = 0;
HEKLA_CONST kSlotTopK = 1;
HEKLA_CONST kSlotTopP = 2;
HEKLA_CONST kSlotMinP = 3;
HEKLA_CONST kSlotRepetition = 4;
HEKLA_CONST kSlotPresence = 5;
HEKLA_CONST kSlotFrequency = 6;
HEKLA_CONST kSlotLastN = 7;
HEKLA_CONST kSlotSeedLow = 8;
HEKLA_CONST kSlotSeedHigh = 9;
HEKLA_CONST kSlotSampleIndex = 10;
HEKLA_CONST kSlotBiasCount = 11;
HEKLA_CONST kSlotLogprobs = 12;       // 0 none, n + 1: the chosen one's and n likeliest
HEKLA_CONST kSlotSuppressUntil = 13;
HEKLA_CONST kSlotSuppressCount = 14;
HEKLA_CONST kSlotPromptLogprobs = 15; // as kSlotLogprobs, of samples whose token is known
HEKLA_CONST kSlotSuppress = 16;       // kMaxSuppress ids
HEKLA_CONST kMaxSuppress = 16;
HEKLA_CONST kSlotParameters = 32;     // words before the block table
HEKLA_CONST kMaxBias = 1024;
HEKLA_CONST kMaxTop = 20;

// One sampled token in the result ring, in words: token, logprob, count of the top list, then pairs {token, f32 bits}.
HEKLA_CONST kResultWords = 4 + 2 * 20;

struct BeginStepParams {
  uint entry_words;     // words of one step input entry
  uint samples_offset;  // words from the entry's start
  uint pokes_offset;
  uint history_stride;  // words of one slot's history
};

struct EmbedParams {
  uint units;         // E / 32
  uint embedding;     // E
  uint scale_base;    // see MatvecParams
  uint high_base;
  uint row_first;     // first table row of this buffer; ids outside [row_first, row_first + rows) are another launch's
  uint rows;
};

struct MatvecParams {
  uint rows;            // rows of this launch
  uint units;           // columns / 32, rounded up
  uint row_first;       // row of the whole operation that is this launch's row 0
  uint scale_base;      // start of the scale plane in the weight buffer: in uvec2 (Q4_0, Q8_0), uvec4 (Q4_K, Q6_K)
  uint high_base;       // start of the high-bit plane, in uvec2 (Q6_K)
  uint partials;        // partial sums of squares a row has; 0 = the input is not normed
  float inverse_width;  // 1 / E of the norm
  float epsilon;
  uint flags;           // kMatvecBias ...
  uint width;           // stride of the output row, in elements
  uint output_units;    // units of the output row where it is an activation
  uint partial_first;   // first partial sum this launch writes
  uint partial_stride;  // partial sums a row has room for
  uint q_rows;          // QKV: rows of q, of k
  uint k_rows;
  uint head_dim;
  uint kv_heads;
  uint slot_stride;     // words of one slot's state
};
HEKLA_CONST kMatvecBias = 1;
HEKLA_CONST kMatvecSamples = 2;       // columns are the sampled rows, gathered
HEKLA_CONST kMatvecSiluInput = 4;     // STORE: out = silu(gate already in out) * value, as an activation

struct HeadNormParams {
  uint heads;         // q heads
  uint kv_heads;
  uint head_dim;
  uint width;         // stride of the raw row: (heads + 2 kv_heads) * head_dim
  float epsilon;
  uint slot_stride;
};

struct AttentionParams {
  uint heads;
  uint kv_heads;
  uint slot_stride;
  uint output_units;  // units of the output activation: heads * head_dim / 32, rounded up
  uint max_splits;    // splits that the scratch has room for
  float scale;
};

struct SampleParams {
  uint vocabulary;
  uint slot_stride;
  uint bias_offset;     // word of the slot state where the bias pairs start
  uint history_stride;
  uint max_samples;     // results of one step in the ring
};

// What `sample` loops over at most: passes over a thread's share of the vocabulary, and reductions over a workgroup's subgroups.
// (largest 1, top_k 32, top_p 32, masses 3, draw 2 passes and 1 reduction, logprobs 1 + kMaxTop.)
HEKLA_CONST kSamplePasses = 91;
HEKLA_CONST kSampleReductions = 90;

struct ReadBufferParams {
  uint vectors;         // of 16 bytes
};

#ifdef __cplusplus
}  // namespace hekla::kernels
#endif
#undef HEKLA_CONST

#endif  // HEKLA_KERNELS_PARAMS_H_
