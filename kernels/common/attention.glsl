// What both attention kernels share: their arguments, and how the results of splits become one. Split results are merged in split order
// by the same arithmetic, whether the last workgroup of a row to arrive does it or one workgroup takes all splits one after the other;
// so the grid changes no bit.
layout(constant_id = 0) const uint SUBGROUP = 32;
layout(constant_id = 4) const uint THREADS = 128;
layout(constant_id = 6) const uint HEAD_DIM = 64;
layout(constant_id = 7) const uint GROUP = 1;   // query heads of one workgroup, all of the same kv head
layout(local_size_x_id = 4) in;
#include "params.h"
#define STEP_BINDING 0
#include "common/step.glsl"
layout(push_constant) uniform Push { AttentionParams p; };
layout(binding = 4, std430) readonly buffer SlotState { uint slot_state[]; };
layout(binding = 6, std430) coherent buffer Partials { float split_results[]; };  // [row][head][split][HEAD_DIM + 2]
layout(binding = 7, std430) coherent buffer Arrivals { uint arrivals[]; };        // [row][head group], zero between steps

const float LOWEST = -3.402823466e38;

// Softmax state of four dimensions over the splits so far.
struct Running {
  vec4 sum;
  float largest, total;
};
const Running NOTHING = Running(vec4(0), LOWEST, 0);

void merge(inout Running r, vec4 sum, float split_largest, float split_total) {
  const float m = max(r.largest, split_largest);
  const float keep = exp(r.largest - m), take = exp(split_largest - m);
  precise vec4 merged = fma(sum, vec4(take), r.sum * keep);
  precise float merged_total = fma(split_total, take, r.total * keep);
  r = Running(merged, m, merged_total);
}

uint split_base(uint row, uint head, uint split) { return ((row * p.heads + head) * p.max_splits + split) * (HEAD_DIM + 2); }

// Dimensions dim ... dim + 3 of a split's result; with dimension 0 its softmax state.
void leave(uint row, uint head, uint split, uint dim, Running r) {
  const uint base = split_base(row, head, split);
  [[unroll]] for (uint k = 0; k < 4; ++k) split_results[base + dim + k] = r.sum[k];
  if (dim == 0) split_results[base + HEAD_DIM] = r.largest, split_results[base + HEAD_DIM + 1] = r.total;
}

Running combined(uint row, uint head, uint splits, uint dim) {
  Running r = NOTHING;
  for (uint s = 0; s < splits; ++s) {
    const uint at = split_base(row, head, s);
    const vec4 sum = vec4(split_results[at + dim], split_results[at + dim + 1], split_results[at + dim + 2], split_results[at + dim + 3]);
    merge(r, sum, split_results[at + HEAD_DIM], split_results[at + HEAD_DIM + 1]);
  }
  return r;
}

// Counts a split of this row and head group as left; true for the last of them. One lane of a workgroup calls it.
bool arrive(uint row, uint splits) {
  const uint counter = row * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  const bool last = atomicAdd(arrivals[counter], 1) == splits - 1;
  if (last) arrivals[counter] = 0;
  return last;
}
