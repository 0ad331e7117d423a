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

// What the epilogue needs for one pair of rows, loaded ahead.
struct Target {
  uint row, column;   // of the whole operation; of the step
  uvec4 at;           // {slot, position, ...} of the column
  vec2 turn;          // RoPE's cos and sin
  uint block;         // of the position
};

Target load_target(uint i, uint first_row, uint first_column) {
  Target t;
  t.row = p.row_first + min(first_row + place(i).x, p.rows - 1);
  t.column = first_column + place(i).y;
  t.at = STEP_ROW(t.column);
  t.turn = rope[t.at.y * (p.head_dim / 2) + t.row % p.head_dim / 2];
  t.block = slot_state[t.at.x * p.slot_stride + kSlotParameters + t.at.y / kBlock];
  return t;
}

void write_pair(Target t, vec2 pair) {
  if ((p.flags & kMatvecBias) != 0) pair += vec2(bias[t.row], bias[t.row + 1]);
  const bool is_query = t.row < p.q_rows, is_value = t.row >= p.q_rows + p.k_rows;
  if (!is_value) pair = vec2(fma(pair.x, t.turn.x, -pair.y * t.turn.y), fma(pair.x, t.turn.y, pair.y * t.turn.x));
  if (is_query) {
    queries[t.column * p.q_rows + t.row] = pair.x;
    queries[t.column * p.q_rows + t.row + 1] = pair.y;
    return;
  }
  const uint element = t.row - p.q_rows - (is_value ? p.k_rows : 0);
  const uint kv_head = element / p.head_dim, dim = element % p.head_dim;
  if (is_value) {
    values[value_word(t.block, kv_head, t.at.y % kBlock, dim, p.kv_heads, p.head_dim)] = packHalf2x16(pair);
  } else {
    keys[key_word(t.block, kv_head, t.at.y % kBlock, dim, p.kv_heads, p.head_dim)] = packHalf2x16(pair);
  }
}

void main() {
  const uint first_column = gl_WorkGroupID.y * COLUMNS;
  const uint first_row = first_row_of_subgroup();
  if (is_dead_group(first_column) || (SPLIT == 1 && first_row >= p.rows)) return;
  Target targets[PASSES];
  EACH_PASS for (uint i = 0; i < PASSES; ++i) targets[i] = load_target(i, first_row, first_column);
  const uint live = live_columns();
  matvec(first_row, first_column);
  EACH_PASS for (uint i = 0; i < PASSES; ++i) {
    pick(i);
    const uint row = first_row + place(i).x;
    if (exists(i) && row < p.rows && targets[i].column < live && (row & 1) == 0) write_pair(targets[i], vec2(picked, partner));
  }
}
