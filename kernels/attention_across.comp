#version 460
// Paged attention for devices that compute on the processor (see attention.comp): a workgroup is one subgroup, without shared memory or
// barriers, and reads by image loads (common/weights_interleaved.glsl says why).
//   in   queries [rows][heads * head_dim] f32; K and V cache of the layer, f16 (common/kv_cache.glsl); block tables in the slot state
//   out  activation [rows][heads * head_dim], in order (a chunk of one unit)
// A tile is SUBGROUP tokens of a block. Scores: a lane takes a token. Values: a lane takes 8 dimensions of every token of the tile. The
// softmax runs along (its sums are rescaled when a tile has a larger score), afresh for each split of kSplit positions.
// Bound: reads 4 * head_dim * context bytes a kv head. Loop budget: context / SUBGROUP + context / kBlock, for all splits.
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#extension GL_KHR_shader_subgroup_shuffle : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "common/attention.glsl"
#include "common/kv_cache.glsl"
layout(binding = 1, rgba32f) readonly uniform imageBuffer queries;
layout(binding = 2, rgba32ui) readonly uniform uimageBuffer keys;
layout(binding = 3, rgba32ui) readonly uniform uimageBuffer values;
layout(binding = 5, rgba32f) writeonly uniform imageBuffer activation_out;

const uint QUERY_TEXELS = HEAD_DIM / 4;
const uint QUERY_LOADS = (QUERY_TEXELS + SUBGROUP - 1) / SUBGROUP;
const uint EIGHTS = HEAD_DIM / 8;                                  // pieces of 8 dimensions: a texel of K or V
const uint VALUE_LOADS = (EIGHTS + SUBGROUP - 1) / SUBGROUP;
vec4 query[GROUP][QUERY_LOADS];          // texel q of a head is in lane q % SUBGROUP of load q / SUBGROUP
float largest[GROUP], lane_total[GROUP]; // of the split: the largest score so far; this lane's share of the sum of weights
vec4 weighed[GROUP][VALUE_LOADS][2];     // of the split: dimensions 8 (i * SUBGROUP + lane) ... of the weighed sum

void unpack_eight(uvec4 raw, out vec4 a, out vec4 b) {
  a = vec4(unpackHalf2x16(raw.x), unpackHalf2x16(raw.y));
  b = vec4(unpackHalf2x16(raw.z), unpackHalf2x16(raw.w));
}

// Reduces over the lanes in a fixed order. Counted by ones: lavapipe unrolls no loop that counts otherwise, nor one around it.
const uint LANE_STEPS = 7;   // subgroups have at most 128 lanes
float max_of_lanes(float v) {
  [[unroll]] for (uint i = 0; i < LANE_STEPS; ++i) {
    if (1u << i < SUBGROUP) v = max(v, subgroupShuffleXor(v, 1u << i));
  }
  return v;
}
float sum_of_lanes(float v) {
  [[unroll]] for (uint i = 0; i < LANE_STEPS; ++i) {
    if (1u << i >= SUBGROUP) continue;
    precise float sum = v + subgroupShuffleXor(v, 1u << i);
    v = sum;
  }
  return v;
}

// Scores of the tile's tokens, one a lane; `first` is the texel of the lane's token's first 8 dimensions.
void score_tile(uint first, out float score[GROUP]) {
  [[unroll]] for (uint g = 0; g < GROUP; ++g) score[g] = 0;
  [[unroll]] for (uint e = 0; e < EIGHTS; ++e) {
    vec4 a, b;
    unpack_eight(imageLoad(keys, int(first + e * kBlock)), a, b);
    [[unroll]] for (uint g = 0; g < GROUP; ++g) {
      const vec4 qa = subgroupShuffle(query[g][2 * e / SUBGROUP], 2 * e % SUBGROUP);
      const vec4 qb = subgroupShuffle(query[g][(2 * e + 1) / SUBGROUP], (2 * e + 1) % SUBGROUP);
      score[g] = fma(a.w, qa.w, fma(a.z, qa.z, fma(a.y, qa.y, fma(a.x, qa.x, score[g]))));
      score[g] = fma(b.w, qb.w, fma(b.z, qb.z, fma(b.y, qb.y, fma(b.x, qb.x, score[g]))));
    }
  }
}

// Turns the scores of `count` tokens into weights and takes them into the softmax.
void weigh_tile(uint count, inout float score[GROUP]) {
  [[unroll]] for (uint g = 0; g < GROUP; ++g) {
    const float seen = gl_SubgroupInvocationID < count ? score[g] : LOWEST;
    const float m = max(largest[g], max_of_lanes(seen));
    const float keep = exp(largest[g] - m);
    score[g] = gl_SubgroupInvocationID < count ? exp(seen - m) : 0;
    precise float total = fma(lane_total[g], keep, score[g]);
    lane_total[g] = total;
    largest[g] = m;
    [[unroll]] for (uint i = 0; i < VALUE_LOADS; ++i) weighed[g][i][0] *= keep, weighed[g][i][1] *= keep;
  }
}

// Adds the values of `count` tokens; `first` is the texel of the tile's first token's first 8 dimensions.
void add_values(uint first, uint count, float weight[GROUP]) {
  [[unroll]] for (uint t = 0; t < SUBGROUP; ++t) {
    [[unroll]] for (uint i = 0; i < VALUE_LOADS; ++i) {
      const uint eight = i * SUBGROUP + gl_SubgroupInvocationID;
      vec4 a, b;   // of a token in use: a block's rest may hold anything, and weighs 0
      unpack_eight(imageLoad(values, int(first + min(t, count - 1) * EIGHTS + eight)), a, b);
      [[unroll]] for (uint g = 0; g < GROUP; ++g) {
        const float w = subgroupShuffle(weight[g], t);
        weighed[g][i][0] = fma(a, vec4(w), weighed[g][i][0]);
        weighed[g][i][1] = fma(b, vec4(w), weighed[g][i][1]);
      }
    }
  }
}

void attend(uint table, uint kv_head, uint start, uint end) {
  [[unroll]] for (uint g = 0; g < GROUP; ++g) {
    largest[g] = LOWEST, lane_total[g] = 0;
    [[unroll]] for (uint i = 0; i < VALUE_LOADS; ++i) weighed[g][i][0] = vec4(0), weighed[g][i][1] = vec4(0);
  }
  [[dont_unroll]] for (uint first = start; first < end; first += kBlock) {
    const uint block = slot_state[table + first / kBlock];
    [[dont_unroll]] for (uint tile = 0; tile < min(kBlock, end - first); tile += SUBGROUP) {
      const uint count = min(SUBGROUP, end - first - tile);
      float score[GROUP];
      score_tile(key_word(block, kv_head, tile, 0, p.kv_heads, HEAD_DIM) / 4 + gl_SubgroupInvocationID, score);
      weigh_tile(count, score);
      add_values(value_word(block, kv_head, tile, 0, p.kv_heads, HEAD_DIM) / 4, count, score);
    }
  }
}

// A lane's results: piece j is dimensions dim_of(j) ... + 3 of head_of(j). Loops over them are not unrolled: they would be most of the
// code to compile.
const uint PIECES = GROUP * VALUE_LOADS * 2;
uint head_of(uint j) { return gl_WorkGroupID.x * GROUP + j / (VALUE_LOADS * 2); }
uint dim_of(uint j) { return 8 * (j / 2 % VALUE_LOADS * SUBGROUP + gl_SubgroupInvocationID) + 4 * (j % 2); }

void write_activation(uint row, uint head, uint dim, Running r) {
  imageStore(activation_out, int(row * p.output_units * (kUnit / 4) + (head * HEAD_DIM + dim) / 4), r.sum / r.total);
}

// True in the workgroup that finds all splits of its row and heads left.
bool is_last(uint row, uint splits) {
  memoryBarrierBuffer();
  subgroupBarrier();
  bool last = false;
  if (gl_SubgroupInvocationID == 0) last = arrive(row, splits);
  last = subgroupBroadcastFirst(last);
  memoryBarrierBuffer();
  return last;
}

void main() {
  const uint groups = p.heads / p.kv_heads / GROUP;   // head groups of a kv head
  const uint row = gl_WorkGroupID.y;
  if (row >= step_rows) return;
  const uvec4 at = STEP_ROW(row);
  const uint context = at.y + 1, splits = (context + kSplit - 1) / kSplit;
  if (gl_WorkGroupID.z >= splits) return;
  const uint kv_head = gl_WorkGroupID.x / groups, first_head = gl_WorkGroupID.x * GROUP;
  const uint table = at.x * p.slot_stride + kSlotParameters;
  [[unroll]] for (uint g = 0; g < GROUP; ++g) {
    [[unroll]] for (uint i = 0; i < QUERY_LOADS; ++i) {
      const uint texel = (row * p.heads + first_head + g) * QUERY_TEXELS + i * SUBGROUP + gl_SubgroupInvocationID;
      query[g][i] = imageLoad(queries, int(texel)) * p.scale;
    }
  }
  Running running[PIECES];
  [[dont_unroll]] for (uint j = 0; j < PIECES; ++j) running[j] = NOTHING;
  const bool alone = gl_NumWorkGroups.z == 1 || splits == 1;
  [[dont_unroll]] for (uint split = gl_WorkGroupID.z; split < (alone ? splits : gl_WorkGroupID.z + 1); ++split) {
    attend(table, kv_head, split * kSplit, min((split + 1) * kSplit, context));
    Running of_split[PIECES];
    [[unroll]] for (uint j = 0; j < PIECES; ++j) {
      const uint g = j / (VALUE_LOADS * 2);
      of_split[j] = Running(weighed[g][j / 2 % VALUE_LOADS][j % 2], largest[g], sum_of_lanes(lane_total[g]));
    }
    [[dont_unroll]] for (uint j = 0; j < PIECES; ++j) {
      if (alone) {
        merge(running[j], of_split[j].sum, of_split[j].largest, of_split[j].total);
      } else if (dim_of(j) < HEAD_DIM) {
        leave(row, head_of(j), split, dim_of(j), of_split[j]);
      }
    }
  }
  if (!alone && !is_last(row, splits)) return;
  [[dont_unroll]] for (uint j = 0; j < PIECES; ++j) {
    if (dim_of(j) >= HEAD_DIM) continue;
    Running r = running[j];
    if (!alone) r = combined(row, head_of(j), splits, dim_of(j));
    write_activation(row, head_of(j), dim_of(j), r);
  }
}
