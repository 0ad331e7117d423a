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

// Reduces over the lanes in a fixed order.
float max_of_lanes(float v) {
  [[unroll]] for (uint step = 1; step < SUBGROUP; step *= 2) v = max(v, subgroupShuffleXor(v, step));
  return v;
}
float sum_of_lanes(float v) {
  [[unroll]] for (uint step = 1; step < SUBGROUP; step *= 2) {
    precise float sum = v + subgroupShuffleXor(v, step);
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
      uvec4 raw = imageLoad(values, int(first + t * EIGHTS + eight));
      if (t >= count) raw = uvec4(0);   // a block's unused rest may hold anything
      vec4 a, b;
      unpack_eight(raw, a, b);
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
  Running running[GROUP * VALUE_LOADS * 2];
  [[unroll]] for (uint j = 0; j < GROUP * VALUE_LOADS * 2; ++j) running[j] = NOTHING;
  const bool alone = gl_NumWorkGroups.z == 1 || splits == 1;
  [[dont_unroll]] for (uint split = gl_WorkGroupID.z; split < (alone ? splits : gl_WorkGroupID.z + 1); ++split) {
    attend(table, kv_head, split * kSplit, min((split + 1) * kSplit, context));
    [[unroll]] for (uint j = 0; j < GROUP * VALUE_LOADS * 2; ++j) {
      const uint g = j / (VALUE_LOADS * 2), i = j / 2 % VALUE_LOADS, eight = i * SUBGROUP + gl_SubgroupInvocationID;
      const Running of_split = Running(weighed[g][i][j % 2], largest[g], sum_of_lanes(lane_total[g]));
      if (alone) {
        merge(running[j], of_split.sum, of_split.largest, of_split.total);
      } else if (eight < EIGHTS) {
        leave(row, first_head + g, split, 8 * eight + 4 * (j % 2), of_split);
      }
    }
  }
  if (!alone && !is_last(row, splits)) return;
  [[unroll]] for (uint j = 0; j < GROUP * VALUE_LOADS * 2; ++j) {
    const uint g = j / (VALUE_LOADS * 2), eight = j / 2 % VALUE_LOADS * SUBGROUP + gl_SubgroupInvocationID;
    const uint head = first_head + g, dim = 8 * eight + 4 * (j % 2);
    if (eight >= EIGHTS) continue;
    if (!alone) running[j] = combined(row, head, splits, dim);
    write_activation(row, head, dim, running[j]);
  }
}
