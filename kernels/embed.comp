#version 460
// x = table[token]; activation = x * norm weight of the first layer; one partial sum of squares. A workgroup takes one token.
// Bound: reads one table row a token.
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
layout(constant_id = 0) const uint SUBGROUP = 32;
layout(constant_id = 4) const uint THREADS = 128;
layout(local_size_x_id = 4) in;
#include "params.h"
#define STEP_BINDING 1
#include "common/step.glsl"
#include "common/activation.glsl"
#include "common/quant.glsl"
layout(push_constant) uniform Push { EmbedParams p; };
layout(binding = 2, std430) writeonly buffer Residual { vec4 residual[]; };
layout(binding = 3, std430) writeonly buffer ActivationOut { vec4 activation_out[]; };
layout(binding = 4, std430) readonly buffer NormWeight { vec4 norm_weight[]; };   // [embedding, padded to 32]
layout(binding = 5, std430) writeonly buffer PartialsOut { float partials_out[]; };
layout(constant_id = 5) const uint PARTIAL_STRIDE = 1;

shared float sums[THREADS / SUBGROUP];

void main() {
  const uint column = gl_WorkGroupID.y;
  if (column >= step_rows) return;
  const uint id = STEP_ROW(column).z;
  if (id < p.row_first || id - p.row_first >= p.rows) return;
  const uint row = id - p.row_first;
  float sum = 0;
  for (uint unit = gl_LocalInvocationIndex; unit < p.units; unit += THREADS) {
    for (uint index = 0; index < 8; ++index) {
      const Group four = load_group(row, unit, index, p.units, p.scale_base, p.high_base);
      vec4 x = four.weights;
#ifdef OFFSET
      x -= OFFSET;
#endif
      x = x * four.scale.x - four.scale.y;
      if (unit * 8 + index < p.embedding / 4) residual[column * (p.embedding / 4) + unit * 8 + index] = x;
      activation_out[column * p.units * 8 + activation_vec4(unit, index, p.units)] = x * norm_weight[unit * 8 + index];
      sum += dot(x, x);
    }
  }
  sum = subgroupAdd(sum);
  if (gl_SubgroupInvocationID == 0) sums[gl_SubgroupID] = sum;
  barrier();
  if (gl_LocalInvocationIndex != 0) return;
  float total = 0;
  for (uint i = 0; i < THREADS / SUBGROUP; ++i) total += sums[i];
  partials_out[column * PARTIAL_STRIDE] = total;
}
