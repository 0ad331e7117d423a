// The matvec core: every subgroup computes ROWS rows of W times COLUMNS activation columns, lanes along the row, no shared memory.
//   in   weights [rows][units * 32] as laid out by repack.h       activations [columns][units * 32], f32
//        partial sums of squares [columns][partials] where the input is a normed residual stream
//   out  acc[r][c], complete in every lane, times 1 / rms of the column; the including kernel's epilogue takes it from there
// Bound: reads rows * units * 32 * (bits per weight) / 8 bytes of weights once per COLUMNS columns.
// Every (row, column) is summed in one fixed order with explicit fma, whatever ROWS, COLUMNS and the batch are: results are equal
// bit for bit. Loop budget: units / SUBGROUP + partials / SUBGROUP * COLUMNS iterations a subgroup.
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_EXT_control_flow_attributes : require

layout(constant_id = 0) const uint SUBGROUP = 32;
layout(constant_id = 2) const uint ROWS = 4;
layout(constant_id = 3) const uint COLUMNS = 1;
layout(constant_id = 4) const uint THREADS = 128;
layout(local_size_x_id = 4) in;

#include "params.h"
#define STEP_BINDING 1
#include "common/step.glsl"
#include "common/activation.glsl"
#include "common/quant.glsl"

layout(push_constant) uniform Push { MatvecParams p; };
layout(binding = 2, std430) readonly buffer Activations { vec4 activations[]; };
layout(binding = 3, std430) readonly buffer Partials { float partials[]; };
layout(binding = 4, std430) readonly buffer Bias { float bias[]; };

float acc[ROWS][COLUMNS];

// Dead columns of a group are computed (their rows exist) and not written; so nothing before the epilogue waits for the step state.
uint live_columns() { return (p.flags & kMatvecSamples) != 0 ? step_samples : step_rows; }
bool is_dead_group(uint first_column) { return gl_WorkGroupID.y > 0 && first_column >= live_columns(); }

// The step row of a column of this launch.
uint column_row(uint column) { return (p.flags & kMatvecSamples) != 0 ? STEP_SAMPLE(column).x : column; }

// 1 / rms of the columns, from partial sums that are loaded before the products and added up after them.
const uint EARLY = 4;   // partial sums a lane loads ahead
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

// Sums over the lanes, times 1 / rms of each column.
void reduce(uint first_column, RowNorm norms[COLUMNS]) {
  [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
    const float norm = inverse_rms(column_row(first_column + c), norms[c]);
    [[unroll]] for (uint r = 0; r < ROWS; ++r) {
      precise float total = subgroupAdd(acc[r][c]) * norm;
      acc[r][c] = total;
    }
  }
}

// One statement list, not functions: the register allocation of drivers is better for it by 5 % on an H200.
#ifdef SCALES_PER_ROW
#define LOAD_SCALES(scales, first_row, unit) \
  [[unroll]] for (uint r = 0; r < ROWS; ++r) scales[r] = row_scales(p.scale_base, first_row + r, unit, p.units);
#else
#define LOAD_SCALES(scales, first_row, unit)                                          \
  [[unroll]] for (uint r = 0; r < ROWS; r += 4) {                                     \
    ROW_SCALES four = row_scales(p.scale_base, first_row + r, unit, p.units);         \
    [[unroll]] for (uint i = r; i < min(r + 4, ROWS); ++i) scales[i] = four;          \
  }
#endif

void matvec(uint first_row, uint first_column) {
  const uint lane = gl_SubgroupInvocationID;
  uint column_base[COLUMNS];
  RowNorm norms[COLUMNS];
  [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
    const uint row = column_row(first_column + c);
    column_base[c] = row * p.units * 8;
    norms[c] = load_norm(row);
    [[unroll]] for (uint r = 0; r < ROWS; ++r) acc[r][c] = 0;
  }
  for (uint unit = lane; unit < p.units; unit += SUBGROUP) {
    const uint chunk = unit - lane;
    const uint n = min(SUBGROUP, p.units - chunk);
#ifdef SCALED
    ROW_SCALES scales[ROWS];
    LOAD_SCALES(scales, first_row, unit)
#endif
    ROLLED for (uint h = 0; h < HALVES; ++h) {
#ifdef SCALED
      float sums[ROWS][COLUMNS];
      [[unroll]] for (uint r = 0; r < ROWS; ++r) {
        [[unroll]] for (uint c = 0; c < COLUMNS; ++c) sums[r][c] = 0;
      }
#endif
      float column_sum[COLUMNS];   // of the activations; unused where weights have neither offset nor minimum
      [[unroll]] for (uint c = 0; c < COLUMNS; ++c) column_sum[c] = 0;
#ifdef HIGH
      uint high[ROWS];
      [[unroll]] for (uint r = 0; r < ROWS; ++r) high[r] = weights1[2 * (p.high_base + (first_row + r) * p.units + unit) + h];
#endif
      ROLLED for (uint load = h * (LOADS / HALVES); load < (h + 1) * (LOADS / HALVES); ++load) {
        Raw raw[ROWS];
        [[unroll]] for (uint r = 0; r < ROWS; ++r) {
          raw[r] = load_raw(((first_row + r) * p.units + chunk) * PARTS + load / STEPS * n + lane, load % STEPS);
        }
        [[unroll]] for (uint g = 0; g < GROUPS; ++g) {
          const uint index = load * GROUPS + g;
          vec4 x[COLUMNS];
          [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
            x[c] = activations[column_base[c] + chunk * 8 + index * n + lane];
#ifdef NEEDS_SUM
            precise float sum = column_sum[c] + ((x[c].x + x[c].y) + (x[c].z + x[c].w));
            column_sum[c] = sum;
#endif
          }
          [[unroll]] for (uint r = 0; r < ROWS; ++r) {
#ifdef HIGH
            const vec4 w = group(raw[r], high[r], index);
#else
            const vec4 w = group(raw[r], 0, index);
#endif
            [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
              SUMS[r][c] = fma(w.w, x[c].w, fma(w.z, x[c].z, fma(w.y, x[c].y, fma(w.x, x[c].x, SUMS[r][c]))));
            }
          }
        }
      }
#ifdef SCALED
      [[unroll]] for (uint r = 0; r < ROWS; ++r) {
        const vec2 scale = scale_of(scales[r], first_row + r, unit, h);
        [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
          acc[r][c] = add_scaled(acc[r][c], scale, sums[r][c], column_sum[c]);
        }
      }
#endif
    }
  }
  reduce(first_column, norms);
}

// The epilogue spreads the ROWS * COLUMNS results over the lanes: lane l of pass i takes result i * SUBGROUP + l, row-major by row.
// `partner` is the result of the row's pair (row ^ 1), for RoPE and SwiGLU.
const uint RESULTS = ROWS * COLUMNS;
const uint PASSES = (RESULTS + SUBGROUP - 1) / SUBGROUP;
float picked, partner;
void pick(uint result) {
  picked = 0, partner = 0;
  [[unroll]] for (uint r = 0; r < ROWS; ++r) {
    [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
      if (result == r * COLUMNS + c) picked = acc[r][c], partner = acc[r ^ (ROWS > 1 ? 1 : 0)][c];
    }
  }
}

uint first_row_of_subgroup() { return (gl_WorkGroupID.x * gl_NumSubgroups + gl_SubgroupID) * ROWS; }
