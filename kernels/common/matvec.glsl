// The matvec core: every subgroup computes ROWS rows of W times COLUMNS activation columns, without shared memory.
//   in   weights [rows][units * 32] as laid out by repack.h       activations [columns][units * 32], f32
//        partial sums of squares [columns][partials] where the input is a normed residual stream
//   out  results times 1 / rms of the column, spread over the lanes; the including kernel's epilogue takes them from there:
//        for each pass i of PASSES, pick(i) gives a lane's result `picked` and that of the row's pair (row ^ 1) `partner`, for RoPE and
//        SwiGLU; place(i) says which {row, column} of the subgroup's it is, exists(i) whether there is one
// Bound: reads rows * units * 32 * (bits per weight) / 8 bytes of weights once per COLUMNS columns.
// Every (row, column) is summed in one fixed order with explicit fma, whatever ROWS, COLUMNS and the batch are: results are equal
// bit for bit. SPLIT changes the order: it is the same for all column counts of a matrix. Two forms: lanes along a row
// (matvec_along.glsl), lanes across interleaved rows (matvec_across.glsl).
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_EXT_control_flow_attributes : require

layout(constant_id = 0) const uint SUBGROUP = 32;
layout(constant_id = 2) const uint ROWS = 4;
layout(constant_id = 3) const uint COLUMNS = 1;
layout(constant_id = 4) const uint THREADS = 128;
layout(constant_id = 10) const uint SPLIT = 1;   // subgroups that share the units of a row; 1 where rows are interleaved
layout(local_size_x_id = 4) in;

#include "params.h"
#define STEP_BINDING 1
#include "common/step.glsl"
#include "common/activation.glsl"
#include "common/quant.glsl"

layout(push_constant) uniform Push { MatvecParams p; };
layout(binding = 3, std430) readonly buffer Partials { float partials[]; };
layout(binding = 4, std430) readonly buffer Bias { float bias[]; };

// Dead columns of a group are computed (their rows exist) and not written; so nothing before the epilogue waits for the step state.
uint live_columns() { return (p.flags & kMatvecSamples) != 0 ? step_samples : step_rows; }
bool is_dead_group(uint first_column) { return gl_WorkGroupID.y > 0 && first_column >= live_columns(); }

// The step row of a column of this launch.
uint column_row(uint column) { return (p.flags & kMatvecSamples) != 0 ? STEP_SAMPLE(column).x : column; }

const uint ROW_GROUPS = THREADS / SUBGROUP / SPLIT;   // of a workgroup
uint row_group() { return gl_SubgroupID / SPLIT; }
uint first_row_of_subgroup() { return (gl_WorkGroupID.x * ROW_GROUPS + row_group()) * ROWS; }

// 1 / rms of the columns, from partial sums that may be loaded before the products and are added up after them.
#ifdef INTERLEAVED
const uint EARLY = 1;   // partial sums a lane loads ahead
#else
const uint EARLY = 4;
#endif
struct RowNorm {
  float early[EARLY];
};
RowNorm load_norm(uint row) {
  RowNorm norm;
  [[unroll]] for (uint i = 0; i < EARLY; ++i) {
    const uint at = i * SUBGROUP + gl_SubgroupInvocationID;
    norm.early[i] = at < p.partials ? partials[row * p.partial_stride + at] : 0;
  }
  return norm;
}
float inverse_rms(uint row, RowNorm norm) {
  if (p.partials == 0) return 1;
  precise float sum = 0;
  [[unroll]] for (uint i = 0; i < EARLY; ++i) sum += norm.early[i];
  for (uint i = EARLY * SUBGROUP + gl_SubgroupInvocationID; i < p.partials; i += SUBGROUP) sum += partials[row * p.partial_stride + i];
  return inversesqrt(fma(subgroupAdd(sum), p.inverse_width, p.epsilon));
}

float picked, partner;

#ifdef INTERLEAVED
#include "common/matvec_across.glsl"
#else
#include "common/matvec_along.glsl"
#endif
