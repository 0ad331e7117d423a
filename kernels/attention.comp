#version 460
// Paged attention of one token's query heads over its own past: a workgroup takes (kv head and GROUP of its query heads, row) and one
// split of kSplit positions, or, where the grid has a single z, all splits one after the other (common/attention.glsl).
//   in   queries [rows][heads * head_dim] f32; K and V cache of the layer, f16 (common/kv_cache.glsl); block tables in the slot state
//   out  activation [rows][heads * head_dim]
// Scores: a thread takes a token, so K is read 16 contiguous bytes a lane, lanes side by side. Values: a thread takes 4 dimensions and
// every TOKEN_GROUPS-th token. Bound: reads 4 * head_dim * context bytes a kv head. Loop budget, for one split: kSplit / TOKEN_GROUPS +
// head_dim / 8 * kSplit / THREADS + 2 * GROUP * kSplit / THREADS.
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "common/attention.glsl"
#include "common/activation.glsl"
#include "common/kv_cache.glsl"
layout(constant_id = 8) const uint AHEAD = 4;   // loads of K and of V that a thread has under way before it uses the first
layout(binding = 1, std430) readonly buffer Queries { vec4 queries[]; };
layout(binding = 2, std430) readonly buffer Keys { uvec4 keys[]; };
layout(binding = 3, std430) readonly buffer Values { uvec2 values[]; };
layout(binding = 5, std430) writeonly buffer ActivationOut { float activation_out[]; };

const uint CHUNKS = HEAD_DIM / 4;             // vec4s of a head
const uint TOKEN_GROUPS = THREADS / CHUNKS;
shared vec4 query[GROUP * CHUNKS];
shared float score[GROUP * kSplit];
shared vec4 partial[TOKEN_GROUPS * GROUP * CHUNKS];
shared float largest[GROUP], total[GROUP];
shared bool is_last_split;
shared uint blocks[kSplit / kBlock];   // of the present split

void load_queries(uint row, uint first_head) {
  for (uint i = gl_LocalInvocationIndex; i < GROUP * CHUNKS; i += THREADS) {
    query[i] = queries[(row * p.heads + first_head) * CHUNKS + i] * p.scale;
  }
}

void load_blocks(uint table, uint start, uint count) {
  const uint i = gl_LocalInvocationIndex;
  if (i * kBlock < count) blocks[i] = slot_state[table + start / kBlock + i];
}

void compute_scores(uint kv_head, uint count) {
  for (uint t = gl_LocalInvocationIndex; t < count; t += THREADS) {
    const uint base = key_word(blocks[t / kBlock], kv_head, t % kBlock, 0, p.kv_heads, HEAD_DIM) / 4;
    precise float s[GROUP];
    [[unroll]] for (uint g = 0; g < GROUP; ++g) s[g] = 0;
    for (uint first = 0; first < HEAD_DIM / 8; first += AHEAD) {
      uvec4 raw[AHEAD];
      [[unroll]] for (uint j = 0; j < AHEAD; ++j) {
        if (first + j < HEAD_DIM / 8) raw[j] = keys[base + (first + j) * kBlock];
      }
      [[unroll]] for (uint j = 0; j < AHEAD; ++j) {
        const uint c = first + j;
        if (c >= HEAD_DIM / 8) continue;
        const vec4 a = vec4(unpackHalf2x16(raw[j].x), unpackHalf2x16(raw[j].y));
        const vec4 b = vec4(unpackHalf2x16(raw[j].z), unpackHalf2x16(raw[j].w));
        [[unroll]] for (uint g = 0; g < GROUP; ++g) {
          const vec4 qa = query[g * CHUNKS + 2 * c], qb = query[g * CHUNKS + 2 * c + 1];
          s[g] = fma(a.w, qa.w, fma(a.z, qa.z, fma(a.y, qa.y, fma(a.x, qa.x, s[g]))));
          s[g] = fma(b.w, qb.w, fma(b.z, qb.z, fma(b.y, qb.y, fma(b.x, qb.x, s[g]))));
        }
      }
    }
    [[unroll]] for (uint g = 0; g < GROUP; ++g) score[g * kSplit + t] = s[g];
  }
}

void softmax(uint count) {
  for (uint g = gl_SubgroupID; g < GROUP; g += gl_NumSubgroups) {
    float m = -3.4e38;
    for (uint t = gl_SubgroupInvocationID; t < count; t += SUBGROUP) m = max(m, score[g * kSplit + t]);
    m = subgroupMax(m);
    float sum = 0;
    for (uint t = gl_SubgroupInvocationID; t < count; t += SUBGROUP) {
      const float e = exp(score[g * kSplit + t] - m);
      score[g * kSplit + t] = e;
      sum += e;
    }
    sum = subgroupAdd(sum);
    if (gl_SubgroupInvocationID == 0) largest[g] = m, total[g] = sum;
  }
}

uvec2 values_ahead[AHEAD];

// V of tokens first, first + TOKEN_GROUPS, ... of the split. The first of them are under way while the scores are computed.
void load_values(uint kv_head, uint first, uint count) {
  const uint chunk = gl_LocalInvocationIndex % CHUNKS;
  [[unroll]] for (uint j = 0; j < AHEAD; ++j) {
    const uint t = first + j * TOKEN_GROUPS;
    values_ahead[j] = uvec2(0);
    if (t < count) values_ahead[j] = values[value_word(blocks[t / kBlock], kv_head, t % kBlock, 4 * chunk, p.kv_heads, HEAD_DIM) / 2];
  }
}

void weigh_values(uint kv_head, uint count) {
  const uint chunk = gl_LocalInvocationIndex % CHUNKS, token_group = gl_LocalInvocationIndex / CHUNKS;
  if (token_group >= TOKEN_GROUPS) return;
  vec4 sum[GROUP];
  [[unroll]] for (uint g = 0; g < GROUP; ++g) sum[g] = vec4(0);
  for (uint first = token_group; first < count; first += AHEAD * TOKEN_GROUPS) {
    if (first != token_group) load_values(kv_head, first, count);
    [[unroll]] for (uint j = 0; j < AHEAD; ++j) {
      const uint t = first + j * TOKEN_GROUPS;
      const vec4 v = vec4(unpackHalf2x16(values_ahead[j].x), unpackHalf2x16(values_ahead[j].y));
      [[unroll]] for (uint g = 0; g < GROUP; ++g) sum[g] = fma(v, vec4(t < count ? score[g * kSplit + t] : 0), sum[g]);
    }
  }
  [[unroll]] for (uint g = 0; g < GROUP; ++g) partial[(token_group * GROUP + g) * CHUNKS + chunk] = sum[g];
}

// Element i of GROUP * CHUNKS: head i / CHUNKS, dimensions 4 * (i % CHUNKS) ...; the split's output before division by its total.
vec4 split_result(uint i) {
  vec4 sum = partial[i];
  for (uint t = 1; t < TOKEN_GROUPS; ++t) sum += partial[t * GROUP * CHUNKS + i];
  return sum;
}

void write_activation(uint row, uint first_head, uint i, Running r) {
  const uint at = row * p.output_units * kUnit + activation_index(first_head * HEAD_DIM + 4 * i, p.output_units);
  [[unroll]] for (uint k = 0; k < 4; ++k) activation_out[at + k] = r.sum[k] / r.total;
}

void leave_split(uint row, uint first_head, uint split) {
  for (uint i = gl_LocalInvocationIndex; i < GROUP * CHUNKS; i += THREADS) {
    leave(row, first_head + i / CHUNKS, split, 4 * (i % CHUNKS), Running(split_result(i), largest[i / CHUNKS], total[i / CHUNKS]));
  }
}

// True in the workgroup that finds all splits of its row and heads left.
bool is_last(uint row, uint splits) {
  memoryBarrierBuffer();
  barrier();
  if (gl_LocalInvocationIndex == 0) is_last_split = arrive(row, splits);
  barrier();
  memoryBarrierBuffer();
  return is_last_split;
}

void combine(uint row, uint first_head, uint splits) {
  for (uint i = gl_LocalInvocationIndex; i < GROUP * CHUNKS; i += THREADS) {
    write_activation(row, first_head, i, combined(row, first_head + i / CHUNKS, splits, 4 * (i % CHUNKS)));
  }
}

const uint PER_THREAD = (GROUP * CHUNKS + THREADS - 1) / THREADS;

void main() {
  const uint groups = p.heads / p.kv_heads / GROUP;   // head groups of a kv head
  const uint row = gl_WorkGroupID.y;
  if (row >= step_rows) return;
  const uvec4 at = STEP_ROW(row);
  const uint context = at.y + 1, splits = (context + kSplit - 1) / kSplit;
  if (gl_WorkGroupID.z >= splits) return;
  const uint kv_head = gl_WorkGroupID.x / groups, first_head = gl_WorkGroupID.x * GROUP;
  const uint table = at.x * p.slot_stride + kSlotParameters;
  Running running[PER_THREAD];
  [[unroll]] for (uint j = 0; j < PER_THREAD; ++j) running[j] = NOTHING;
  load_queries(row, first_head);
  const bool alone = gl_NumWorkGroups.z == 1;
  for (uint split = gl_WorkGroupID.z; split < (alone ? splits : gl_WorkGroupID.z + 1); ++split) {
    const uint start = split * kSplit, count = min(kSplit, context - start);
    load_blocks(table, start, count);
    barrier();
    load_values(kv_head, gl_LocalInvocationIndex / CHUNKS, count);
    compute_scores(kv_head, count);
    barrier();
    softmax(count);
    barrier();
    weigh_values(kv_head, count);
    barrier();
    if (!alone && splits > 1) {
      leave_split(row, first_head, split);
    } else {
      [[unroll]] for (uint j = 0; j < PER_THREAD; ++j) {
        const uint i = j * THREADS + gl_LocalInvocationIndex;
        if (i < GROUP * CHUNKS) merge(running[j], split_result(i), largest[i / CHUNKS], total[i / CHUNKS]);
      }
    }
  }
  if (alone || splits == 1) {
    [[unroll]] for (uint j = 0; j < PER_THREAD; ++j) {
      const uint i = j * THREADS + gl_LocalInvocationIndex;
      if (i < GROUP * CHUNKS) write_activation(row, first_head, i, running[j]);
    }
  } else if (is_last(row, splits)) {
    combine(row, first_head, splits);
  }
}
