// Lanes across interleaved rows: a lane takes whole rows, ROWS / SUBGROUP of them; a unit's activations are loaded once, lanes along it,
// and handed round by shuffles. For devices that compute on the processor. Loop budget: 9 / 8 * units + partials / SUBGROUP * COLUMNS + 3 *
// PASSES.
#extension GL_KHR_shader_subgroup_shuffle : require
layout(binding = 2, rgba32f) readonly uniform imageBuffer activations;   // texel: four floats

const uint LANE_ROWS = ROWS / SUBGROUP;
const uint X_LOADS = (8 + SUBGROUP - 1) / SUBGROUP;   // of a unit's eight texels
float acc[LANE_ROWS][COLUMNS];
#define EACH_PASS [[dont_unroll]]   // unrolled, the epilogues were most of the code to compile
const uint PASSES = LANE_ROWS * COLUMNS;
float results[PASSES];

// The eight texels of a unit of column c: number q is in lane q % SUBGROUP of x[c][q / SUBGROUP]; lanes past the eighth hold them again.
vec4 x[COLUMNS][X_LOADS];
float x_sum[COLUMNS][HALVES];   // over the unit, or each half of it, where weights have an offset or a minimum

void load_unit(uint c, uint texel) {
  float sums[X_LOADS];
  [[unroll]] for (uint i = 0; i < X_LOADS; ++i) {
    const uint q = (i * SUBGROUP + gl_SubgroupInvocationID) % 8;
    const vec4 four = imageLoad(activations, int(texel + q));
    x[c][i] = four * activation_factor(q);
    sums[i] = (four.x + four.y) + (four.z + four.w);
  }
  [[unroll]] for (uint h = 0; h < HALVES; ++h) x_sum[c][h] = 0;
#ifdef NEEDS_SUM
  // Sums of four neighbouring texels, then of the two fours, in this order whatever SUBGROUP is.
  [[unroll]] for (uint i = 0; i < X_LOADS; ++i) {
    precise float two = sums[i] + subgroupShuffleXor(sums[i], 1);
    precise float four = two + subgroupShuffleXor(two, 2);
    sums[i] = four;
  }
  const float first = subgroupShuffle(sums[0], 0), second = subgroupShuffle(sums[X_LOADS - 1], 4 % SUBGROUP);
#if HALVES == 2
  x_sum[c][0] = first, x_sum[c][1] = second;
#else
  precise float both = first + second;
  x_sum[c][0] = both;
#endif
#endif
}

void matvec(uint first_row, uint first_column) {
  uint row[LANE_ROWS], column_base[COLUMNS];
  [[unroll]] for (uint r = 0; r < LANE_ROWS; ++r) row[r] = min(first_row + r * SUBGROUP + gl_SubgroupInvocationID, p.rows - 1);
  [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
    const uint step_row = column_row(first_column + c);
    column_base[c] = step_row * p.units * 8;
    [[unroll]] for (uint r = 0; r < LANE_ROWS; ++r) acc[r][c] = 0;
  }
  [[dont_unroll]] for (uint block = 0; block < p.units; block += 8) {
#ifdef SCALED
    Scales scales[LANE_ROWS];
    [[unroll]] for (uint r = 0; r < LANE_ROWS; ++r) scales[r] = load_scales(p.scale_base, row[r], block, p.units);
#endif
    const uint end = min(block + 8, p.units);
    [[dont_unroll]] for (uint unit = block; unit < end; ++unit) {
      [[unroll]] for (uint c = 0; c < COLUMNS; ++c) load_unit(c, column_base[c] + unit * 8);
      uvec4 part[LANE_ROWS];
      uvec2 high[LANE_ROWS];
      [[unroll]] for (uint r = 0; r < LANE_ROWS; ++r) {
        high[r] = uvec2(0);
#ifdef HIGH
        high[r] = load_high(p.high_base, row[r], unit, p.units);
#endif
      }
#ifdef SCALED
      float sums[LANE_ROWS][COLUMNS];
#endif
      [[unroll]] for (uint q = 0; q < 8; ++q) {
        if (q % (8 / PARTS) == 0) {
          [[unroll]] for (uint r = 0; r < LANE_ROWS; ++r) part[r] = load_part(row[r], unit, q / (8 / PARTS), p.units);
        }
        vec4 w[LANE_ROWS];
        [[unroll]] for (uint r = 0; r < LANE_ROWS; ++r) w[r] = group(part[r], q < 4 ? high[r].x : high[r].y, q);
        [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
          const vec4 four = subgroupShuffle(x[c][q / SUBGROUP], q % SUBGROUP);
          [[unroll]] for (uint r = 0; r < LANE_ROWS; ++r) {
#ifdef SCALED
            if (q % (8 / HALVES) == 0) sums[r][c] = 0;
#endif
            SUMS[r][c] = fma(w[r].w, four.w, fma(w[r].z, four.z, fma(w[r].y, four.y, fma(w[r].x, four.x, SUMS[r][c]))));
          }
        }
#ifdef SCALED
        if ((q + 1) % (8 / HALVES) == 0) {
          const uint h = q / (8 / HALVES);
          [[unroll]] for (uint r = 0; r < LANE_ROWS; ++r) {
            const vec2 scale = scale_of(scales[r], unit, h);
            [[unroll]] for (uint c = 0; c < COLUMNS; ++c) acc[r][c] = add_scaled(acc[r][c], scale, sums[r][c], x_sum[c][h]);
          }
        }
#endif
      }
    }
  }
  float norms[COLUMNS];
  [[dont_unroll]] for (uint c = 0; c < COLUMNS; ++c) {
    const uint step_row = column_row(first_column + c);
    norms[c] = inverse_rms(step_row, load_norm(step_row));
  }
  [[unroll]] for (uint c = 0; c < COLUMNS; ++c) {
    [[unroll]] for (uint r = 0; r < LANE_ROWS; ++r) {
      precise float total = acc[r][c] * norms[c];
      results[r * COLUMNS + c] = total;
    }
  }
}

const uint RESULTS = ROWS * COLUMNS;
bool exists(uint i) { return true; }
uvec2 place(uint i) { return uvec2(i / COLUMNS * SUBGROUP + gl_SubgroupInvocationID, i % COLUMNS); }
void pick(uint i) {
  picked = results[i];
  partner = subgroupShuffleXor(picked, 1);
}
