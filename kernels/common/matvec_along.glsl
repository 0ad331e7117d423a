// Lanes along the row: lane l takes every SUBGROUP-th unit, sums are added up over the lanes at the end. For devices that load 16 bytes a
// lane side by side. Loop budget: units / SUBGROUP + partials / SUBGROUP * COLUMNS iterations a subgroup.
layout(binding = 2, std430) readonly buffer Activations { vec4 activations[]; };

float acc[ROWS][COLUMNS];   // complete in every lane after matvec()

shared float split_sums[SPLIT > 1 ? THREADS / SUBGROUP * ROWS * COLUMNS : 1];

// Sums over the lanes and over the subgroups that share the rows, times 1 / rms of each column.
void reduce(uint first_column, RowNorm norms[COLUMNS]) {
  [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
    [[unroll]] for (uint r = 0; r < ROWS; ++r) acc[r][c] = subgroupAdd(acc[r][c]);
  }
  if (SPLIT > 1) {
    if (subgroupElect()) {
      [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
        [[unroll]] for (uint r = 0; r < ROWS; ++r) split_sums[(gl_SubgroupID * COLUMNS + c) * ROWS + r] = acc[r][c];
      }
    }
    barrier();
    if (gl_SubgroupID % SPLIT != 0) return;
    [[unroll]] for (uint s = 1; s < SPLIT; ++s) {
      [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
        [[unroll]] for (uint r = 0; r < ROWS; ++r) {
          precise float sum = acc[r][c] + split_sums[((gl_SubgroupID + s) * COLUMNS + c) * ROWS + r];
          acc[r][c] = sum;
        }
      }
    }
  }
  [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
    const float norm = inverse_rms(column_row(first_column + c), norms[c]);
    [[unroll]] for (uint r = 0; r < ROWS; ++r) {
      precise float total = acc[r][c] * norm;
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
  const uint end = first_row < p.rows ? p.units : 0;
  for (uint unit = gl_SubgroupID % SPLIT * SUBGROUP + lane; unit < end; unit += SPLIT * SUBGROUP) {
    const uint chunk = unit - lane;
    const uint n = min(SUBGROUP, p.units - chunk);
#ifdef SCALED
    ROW_SCALES scales[ROWS];
    LOAD_SCALES(scales, first_row, unit)
#endif
    [[unroll]] for (uint h = 0; h < HALVES; ++h) {
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
      [[unroll]] for (uint load = h * (LOADS / HALVES); load < (h + 1) * (LOADS / HALVES); ++load) {
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

// Lane l of pass i takes result i * SUBGROUP + l, row-major by row.
const uint RESULTS = ROWS * COLUMNS;
#define EACH_PASS [[unroll]]
const uint PASSES = (RESULTS + SUBGROUP - 1) / SUBGROUP;
uint taken(uint i) { return i * SUBGROUP + gl_SubgroupInvocationID; }
bool exists(uint i) { return taken(i) < RESULTS && gl_SubgroupID % SPLIT == 0; }
uvec2 place(uint i) { return uvec2(taken(i) / COLUMNS, taken(i) % COLUMNS); }
void pick(uint i) {
  const uint result = taken(i);
  picked = 0, partner = 0;
  [[unroll]] for (uint r = 0; r < ROWS; ++r) {
    [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
      if (result == r * COLUMNS + c) picked = acc[r][c], partner = acc[r ^ (ROWS > 1 ? 1 : 0)][c];
    }
  }
}
