#version 460
// h = silu(Wg n + bg) * (Wu n + bu), written as an activation. Rows alternate: 2i is gate i, 2i + 1 is up i; biases likewise.
#extension GL_GOOGLE_include_directive : require
#include "common/matvec.glsl"
layout(binding = 5, std430) writeonly buffer ActivationOut { float activation_out[]; };

void main() {
  const uint first_column = gl_WorkGroupID.y * COLUMNS;
  const uint first_row = first_row_of_subgroup();
  if (is_dead_group(first_column) || (SPLIT == 1 && first_row >= p.rows)) return;
  const uint live = live_columns();
  matvec(first_row, first_column);
  EACH_PASS for (uint i = 0; i < PASSES; ++i) {
    pick(i);
    const uint row = first_row + place(i).x, column = first_column + place(i).y;
    if (!exists(i) || row >= p.rows || column >= live || (row & 1) != 0) continue;
    const uint pair = p.row_first + row;
    const bool biased = (p.flags & kMatvecBias) != 0;
    const float gate = picked + (biased ? bias[pair] : 0.0), up = partner + (biased ? bias[pair + 1] : 0.0);
    activation_out[column * p.output_units * kUnit + activation_index(pair / 2, p.output_units)] = gate / (1 + exp(-gate)) * up;
  }
}
