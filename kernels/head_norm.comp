#version 460
// Qwen3: RMS norm of every q and k head, then RoPE, then the append; v is only appended. One subgroup takes one head of one token.
//   in  raw [rows][(heads + 2 kv_heads) * head_dim] f32        out  queries, and the KV cache
// Bound: reads raw once. Loop budget: 2 * head_dim / SUBGROUP.
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_GOOGLE_include_directive : require
layout(constant_id = 0) const uint SUBGROUP = 32;
layout(constant_id = 4) const uint THREADS = 128;
layout(local_size_x_id = 4) in;
#include "params.h"
#define STEP_BINDING 0
#include "common/step.glsl"
#include "common/kv_cache.glsl"
layout(push_constant) uniform Push { HeadNormParams p; };
layout(binding = 1, std430) readonly buffer Raw { vec2 raw[]; };
layout(binding = 2, std430) readonly buffer NormWeights { vec2 norm_weights[]; };  // [2][head_dim]: q's, k's
layout(binding = 3, std430) writeonly buffer Queries { vec2 queries[]; };
layout(binding = 4, std430) writeonly buffer Keys { uint keys[]; };
layout(binding = 5, std430) writeonly buffer Values { uint values[]; };
layout(binding = 6, std430) readonly buffer Rope { vec2 rope[]; };
layout(binding = 7, std430) readonly buffer SlotState { uint slot_state[]; };

void main() {
  const uint head = gl_WorkGroupID.x * gl_NumSubgroups + gl_SubgroupID;
  const uint row = gl_WorkGroupID.y;
  if (row >= step_rows || head >= p.heads + 2 * p.kv_heads) return;
  const uint pairs = p.head_dim / 2;
  const uint first = row * (p.width / 2) + head * pairs;
  const bool is_query = head < p.heads, is_value = head >= p.heads + p.kv_heads;
  const uvec4 at = STEP_ROW(row);
  float inverse = 1;
  if (!is_value) {
    float sum = 0;
    for (uint i = gl_SubgroupInvocationID; i < pairs; i += SUBGROUP) sum += dot(raw[first + i], raw[first + i]);
    inverse = inversesqrt(subgroupAdd(sum) / float(p.head_dim) + p.epsilon);
  }
  const uint block = slot_state[at.x * p.slot_stride + kSlotParameters + at.y / kBlock];
  for (uint i = gl_SubgroupInvocationID; i < pairs; i += SUBGROUP) {
    vec2 pair = raw[first + i];
    if (!is_value) {
      pair *= inverse * norm_weights[(is_query ? 0 : pairs) + i];
      const vec2 turn = rope[at.y * pairs + i];
      pair = vec2(fma(pair.x, turn.x, -pair.y * turn.y), fma(pair.x, turn.y, pair.y * turn.x));
    }
    if (is_query) {
      queries[row * p.heads * pairs + head * pairs + i] = pair;
    } else if (is_value) {
      values[value_word(block, head - p.heads - p.kv_heads, at.y % kBlock, 2 * i, p.kv_heads, p.head_dim)] = packHalf2x16(pair);
    } else {
      keys[key_word(block, head - p.heads, at.y % kBlock, 2 * i, p.kv_heads, p.head_dim)] = packHalf2x16(pair);
    }
  }
}
