#version 460
// q, k, v = W n + b in one launch; RoPE on q and k (pairs 2i, 2i + 1: halves were interleaved at load); k and v appended to the cache.
// Rows: q heads, then k heads, then v heads. ROWS is even, so a pair is in one subgroup.
#extension GL_GOOGLE_include_directive : require
#include "common/matvec.glsl"
#include "common/kv_cache.glsl"
layout(binding = 5, std430) writeonly buffer Queries { float queries[]; };   // [rows of the step][heads * head_dim]
layout(binding = 6, std430) writeonly buffer Keys { uint keys[]; };
layout(binding = 7, std430) writeonly buffer Values { uint values[]; };
layout(binding = 8, std430) readonly buffer Rope { vec2 rope[]; };           // [position][head_dim / 2] {cos, sin}
layout(binding = 9, std430) readonly buffer SlotState { uint slot_state[]; };

void main() {
  const uint first_column = gl_WorkGroupID.y * COLUMNS;
  const uint first_row = first_row_of_subgroup();
  if (is_dead_group(first_column) || first_row >= p.rows) return;
  matvec(first_row, first_column);
  [[unroll]] for (uint i = 0; i < PASSES; ++i) {
    const uint taken = i * SUBGROUP + gl_SubgroupInvocationID;
    pick(taken);
    const uint row = p.row_first + first_row + taken / COLUMNS, column = first_column + taken % COLUMNS;
    if (taken >= RESULTS || row >= p.row_first + p.rows || column >= live_columns() || (row & 1) != 0) continue;
    vec2 pair = vec2(picked, partner);
    if ((p.flags & kMatvecBias) != 0) pair += vec2(bias[row], bias[row + 1]);
    const uvec4 at = STEP_ROW(column);
    if (row < p.q_rows + p.k_rows) {
      const vec2 turn = rope[at.y * (p.head_dim / 2) + row % p.head_dim / 2];
      pair = vec2(fma(pair.x, turn.x, -pair.y * turn.y), fma(pair.x, turn.y, pair.y * turn.x));
    }
    if (row < p.q_rows) {
      queries[column * p.q_rows + row] = pair.x;
      queries[column * p.q_rows + row + 1] = pair.y;
      continue;
    }
    const uint block = slot_state[at.x * p.slot_stride + kSlotParameters + at.y / kBlock];
    const bool is_key = row < p.q_rows + p.k_rows;
    const uint element = row - p.q_rows - (is_key ? 0 : p.k_rows);
    const uint kv_head = element / p.head_dim, dim = element % p.head_dim;
    if (is_key) {
      keys[key_word(block, kv_head, at.y % kBlock, dim, p.kv_heads, p.head_dim)] = packHalf2x16(pair);
    } else {
      values[value_word(block, kv_head, at.y % kBlock, dim, p.kv_heads, p.head_dim)] = packHalf2x16(pair);
    }
  }
}
