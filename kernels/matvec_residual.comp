#version 460
// x[row] += W a + b; and for the norm that follows: activation = x * norm weight, and this workgroup's sum of squares of x.
// The reader multiplies with 1 / rms at the end (a scalar of the column), so no second pass is needed.
#extension GL_GOOGLE_include_directive : require
#include "common/matvec.glsl"
layout(binding = 5, std430) buffer Residual { float residual[]; };                 // [rows of the step][width]
layout(binding = 6, std430) writeonly buffer ActivationOut { float activation_out[]; };
layout(binding = 7, std430) readonly buffer NormWeight { float norm_weight[]; };   // [width]
layout(binding = 8, std430) writeonly buffer PartialsOut { float partials_out[]; };

shared float squares[ROW_GROUPS * RESULTS];

void main() {
  const uint first_column = gl_WorkGroupID.y * COLUMNS;
  const uint first_row = first_row_of_subgroup();
  if (is_dead_group(first_column)) return;
  // What the epilogue reads is under way while the products are computed.
  float before[PASSES], weight[PASSES];
  EACH_PASS for (uint i = 0; i < PASSES; ++i) {
    const uvec2 at = uvec2(first_row, first_column) + place(i);
    const uint row = p.row_first + min(at.x, p.rows - 1);
    before[i] = residual[at.y * p.width + row];
    weight[i] = norm_weight[row];
  }
  const uint live = live_columns();
  if (SPLIT > 1 || first_row < p.rows) matvec(first_row, first_column);
  EACH_PASS for (uint i = 0; i < PASSES; ++i) {
    pick(i);
    const uvec2 at = uvec2(first_row, first_column) + place(i);
    float square = 0;
    if (exists(i) && at.x < p.rows && at.y < live) {
      const uint row = p.row_first + at.x;
      precise float value = before[i] + (picked + ((p.flags & kMatvecBias) != 0 ? bias[row] : 0.0));
      residual[at.y * p.width + row] = value;
      activation_out[at.y * p.output_units * kUnit + activation_index(row, p.output_units)] = value * weight[i];
      square = value * value;
    }
    if (exists(i)) squares[row_group() * RESULTS + place(i).x * COLUMNS + place(i).y] = square;
  }
  barrier();
  if (gl_LocalInvocationIndex < COLUMNS && first_column + gl_LocalInvocationIndex < live) {
    float sum = 0;
    for (uint i = gl_LocalInvocationIndex; i < ROW_GROUPS * RESULTS; i += COLUMNS) sum += squares[i];
    partials_out[(first_column + gl_LocalInvocationIndex) * p.partial_stride + p.partial_first + gl_WorkGroupID.x] = sum;
  }
}
