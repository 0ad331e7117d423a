#version 460
// x[row] += W a + b; and for the norm that follows: activation = x * norm weight, and this workgroup's sum of squares of x.
// The reader multiplies with 1 / rms at the end (a scalar of the column), so no second pass is needed.
#extension GL_GOOGLE_include_directive : require
#include "common/matvec.glsl"
layout(binding = 5, std430) buffer Residual { float residual[]; };                 // [rows of the step][width]
layout(binding = 6, std430) writeonly buffer ActivationOut { float activation_out[]; };
layout(binding = 7, std430) readonly buffer NormWeight { float norm_weight[]; };   // [width]
layout(binding = 8, std430) writeonly buffer PartialsOut { float partials_out[]; };

shared float squares[THREADS / SUBGROUP * RESULTS];

void main() {
  const uint first_column = gl_WorkGroupID.y * COLUMNS;
  const uint first_row = first_row_of_subgroup();
  if (first_column >= live_columns()) return;
  if (first_row < p.rows) matvec(first_row, first_column);
  [[unroll]] for (uint i = 0; i < PASSES; ++i) {
    const uint taken = i * SUBGROUP + gl_SubgroupInvocationID;
    pick(taken);
    const uint row = first_row + taken / COLUMNS, column = first_column + taken % COLUMNS;
    float square = 0;
    if (taken < RESULTS && row < p.rows && column < live_columns()) {
      const uint out_row = p.row_first + row;
      const uint at = column * p.width + out_row;
      const float value = residual[at] + (picked + ((p.flags & kMatvecBias) != 0 ? bias[out_row] : 0.0));
      residual[at] = value;
      activation_out[column * p.output_units * kUnit + activation_index(out_row, p.output_units)] = value * norm_weight[out_row];
      square = value * value;
    }
    if (taken < RESULTS) squares[gl_SubgroupID * RESULTS + taken] = square;
  }
  barrier();
  if (gl_LocalInvocationIndex < COLUMNS && first_column + gl_LocalInvocationIndex < live_columns()) {
    float sum = 0;
    for (uint i = gl_LocalInvocationIndex; i < THREADS / SUBGROUP * RESULTS; i += COLUMNS) sum += squares[i];
    partials_out[(first_column + gl_LocalInvocationIndex) * p.partial_stride + p.partial_first + gl_WorkGroupID.x] = sum;
  }
}
