#version 460
// out[column][row_first + row] = W x + b in f32: logits of sampled rows, raw q/k/v rows, or (kMatvecSiluInput) the up half of a
// SwiGLU whose gate is already there: activation[row] = silu(gate[row]) * (W x + b).
#extension GL_GOOGLE_include_directive : require
#include "common/matvec.glsl"
layout(binding = 5, std430) buffer Output { float result[]; };
layout(binding = 6, std430) writeonly buffer ActivationOut { float activation_out[]; };

void main() {
  const uint first_column = gl_WorkGroupID.y * COLUMNS;
  const uint first_row = first_row_of_subgroup();
  if (is_dead_group(first_column) || (SPLIT == 1 && first_row >= p.rows)) return;
  const uint live = live_columns();
  matvec(first_row, first_column);
  EACH_PASS for (uint i = 0; i < PASSES; ++i) {
    pick(i);
    const uint row = first_row + place(i).x, column = first_column + place(i).y;
    if (!exists(i) || row >= p.rows || column >= live) continue;
    const uint out_row = p.row_first + row;
    const float value = picked + ((p.flags & kMatvecBias) != 0 ? bias[out_row] : 0.0);
    const uint at = column * p.width + out_row;
    if ((p.flags & kMatvecSiluInput) != 0) {
      const float gate = result[at];
      activation_out[column * p.output_units * kUnit + activation_index(out_row, p.output_units)] = gate / (1 + exp(-gate)) * value;
    } else {
      result[at] = value;
    }
  }
}
