#version 460
// Draws the next token of every sampled row; one workgroup a sample. Definition: worker/schedule/request.h, truth: worker/cpu/sampler.
// Penalties, bias and suppression are applied to the logits in place; the kept set is a threshold on logits, found by bisecting the
// ordered bits (integer sums, so the result does not depend on the order of atomics); the draw is Philox 4x32-10 over integer weights.
//   in/out logits [samples][vocabulary] f32, counts [samples][vocabulary] zero between steps
//   out    history[slot][position + 1], results ring
// Loop budget: about 90 passes of vocabulary / THREADS.
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
layout(constant_id = 0) const uint SUBGROUP = 32;
layout(constant_id = 4) const uint THREADS = 256;
layout(local_size_x_id = 4) in;
#include "params.h"
#define STEP_BINDING 0
#include "common/step.glsl"
layout(push_constant) uniform Push { SampleParams p; };
layout(binding = 1, std430) buffer Logits { float logits[]; };
layout(binding = 2, std430) buffer Counts { uint counts[]; };
layout(binding = 3, std430) readonly buffer SlotState { uint slot_state[]; };
layout(binding = 4, std430) buffer History { uint history[]; };
layout(binding = 5, std430) writeonly buffer Results { uint results[]; };   // [kRing][max_samples][kResultWords]

const float LOWEST = -3.402823466e38;
const uint SUBGROUPS = THREADS / SUBGROUP;
shared float scratch_float[SUBGROUPS];
shared uint scratch_uint[SUBGROUPS];
shared uint chosen;

uint state(uint slot, uint word) { return slot_state[slot * p.slot_stride + word]; }
float state_float(uint slot, uint word) { return uintBitsToFloat(state(slot, word)); }

float reduce_max(float v) {
  v = subgroupMax(v);
  barrier();
  if (gl_SubgroupInvocationID == 0) scratch_float[gl_SubgroupID] = v;
  barrier();
  float m = scratch_float[0];
  for (uint i = 1; i < SUBGROUPS; ++i) m = max(m, scratch_float[i]);
  return m;
}
float reduce_add(float v) {
  v = subgroupAdd(v);
  barrier();
  if (gl_SubgroupInvocationID == 0) scratch_float[gl_SubgroupID] = v;
  barrier();
  float sum = 0;
  for (uint i = 0; i < SUBGROUPS; ++i) sum += scratch_float[i];
  return sum;
}
uint reduce_add(uint v) {
  v = subgroupAdd(v);
  barrier();
  if (gl_SubgroupInvocationID == 0) scratch_uint[gl_SubgroupID] = v;
  barrier();
  uint sum = 0;
  for (uint i = 0; i < SUBGROUPS; ++i) sum += scratch_uint[i];
  return sum;
}
uint reduce_min(uint v) {
  v = subgroupMin(v);
  barrier();
  if (gl_SubgroupInvocationID == 0) scratch_uint[gl_SubgroupID] = v;
  barrier();
  uint m = scratch_uint[0];
  for (uint i = 1; i < SUBGROUPS; ++i) m = min(m, scratch_uint[i]);
  return m;
}

// A float's bits in an order in which larger floats are larger integers; NaN counts as the lowest.
uint ordered(float v) {
  if (isnan(v)) return 0;
  const uint bits = floatBitsToUint(v);
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}
float unordered(uint key) { return uintBitsToFloat((key & 0x80000000u) != 0 ? key & 0x7fffffffu : ~key); }

float clean(float v) { return isnan(v) ? LOWEST : max(v, LOWEST); }

// Window: the last penalty_last_n ids up to and including `position`. A first visit takes a token's whole count, the others find zero.
void apply_penalties(uint base, uint slot, uint position) {
  const float repetition = state_float(slot, kSlotRepetition), presence = state_float(slot, kSlotPresence);
  const float frequency = state_float(slot, kSlotFrequency);
  const uint window = min(state(slot, kSlotLastN), position + 1);
  if (window == 0 || (repetition == 1 && presence == 0 && frequency == 0)) return;
  const uint first = slot * p.history_stride + position + 1 - window;
  for (uint i = gl_LocalInvocationIndex; i < window; i += THREADS) atomicAdd(counts[base + history[first + i]], 1);
  memoryBarrierBuffer();
  barrier();
  for (uint i = gl_LocalInvocationIndex; i < window; i += THREADS) {
    const uint token = history[first + i];
    const uint count = atomicExchange(counts[base + token], 0);
    if (count == 0) continue;
    float l = logits[base + token];
    l = l > 0 ? l / repetition : l * repetition;
    logits[base + token] = l - presence - frequency * float(count);
  }
  memoryBarrierBuffer();
  barrier();
}

void apply_bias(uint base, uint slot, uint position) {
  const uint count = state(slot, kSlotBiasCount);
  for (uint i = gl_LocalInvocationIndex; i < count; i += THREADS) {
    logits[base + state(slot, p.bias_offset + 2 * i)] += state_float(slot, p.bias_offset + 2 * i + 1);
  }
  memoryBarrierBuffer();
  barrier();
  if (position + 1 < state(slot, kSlotSuppressUntil) && gl_LocalInvocationIndex < state(slot, kSlotSuppressCount)) {
    logits[base + state(slot, kSlotSuppress + gl_LocalInvocationIndex)] = LOWEST;
  }
  memoryBarrierBuffer();
  barrier();
}

uint count_at_least(uint base, uint key) {
  uint n = 0;
  for (uint i = gl_LocalInvocationIndex; i < p.vocabulary; i += THREADS) n += uint(ordered(logits[base + i]) >= key);
  return reduce_add(n);
}

float weight(uint base, uint i, float largest, float inverse_t) { return exp((clean(logits[base + i]) - largest) * inverse_t); }

float mass_at_least(uint base, uint key, float largest, float inverse_t) {
  float sum = 0;
  for (uint i = gl_LocalInvocationIndex; i < p.vocabulary; i += THREADS) {
    if (ordered(logits[base + i]) >= key) sum += weight(base, i, largest, inverse_t);
  }
  return reduce_add(sum);
}

// The largest key that at least k tokens reach: the k-th largest logit.
uint top_k_key(uint base, uint k) {
  uint key = 0;
  for (int bit = 31; bit >= 0; --bit) {
    const uint candidate = key | 1u << bit;
    if (count_at_least(base, candidate) >= k) key = candidate;
  }
  return key;
}

// The largest key >= floor_key whose tokens hold at least `share` of the mass.
uint top_p_key(uint base, uint floor_key, float needed, float largest, float inverse_t) {
  uint key = 0;
  for (int bit = 31; bit >= 0; --bit) {
    const uint candidate = key | 1u << bit;
    if (candidate <= floor_key || mass_at_least(base, candidate, largest, inverse_t) >= needed) key = candidate;
  }
  return max(key, floor_key);
}

uint philox_first_word(uvec2 key, uvec4 counter) {
  for (int i = 0; i < 10; ++i) {
    uint high0, low0, high1, low1;
    umulExtended(0xD2511F53u, counter.x, high0, low0);
    umulExtended(0xCD9E8D57u, counter.z, high1, low1);
    counter = uvec4(high1 ^ counter.y ^ key.x, low1, high0 ^ counter.w ^ key.y, low0);
    key += uvec2(0x9E3779B9u, 0xBB67AE85u);
  }
  return counter.x;
}

uint integer_weight(uint base, uint i, uint key, float largest, float inverse_t, float scale) {
  if (ordered(logits[base + i]) < key) return 0;
  const float v = clean(logits[base + i]);
  return max(uint(weight(base, i, largest, inverse_t) * scale), v == largest ? 1u : 0u);
}

shared uint block_sums[THREADS];

// First id in ascending order whose cumulative weight exceeds the target. Thread t sums one contiguous span of ids.
uint draw(uint base, uint slot, uint position, uint key, float largest, float inverse_t, float mass) {
  const float scale = 1073741824.0 / mass;   // 2^30
  const uint span = (p.vocabulary + THREADS - 1) / THREADS;
  const uint first = gl_LocalInvocationIndex * span, last = min(first + span, p.vocabulary);
  uint sum = 0;
  for (uint i = first; i < last; ++i) sum += integer_weight(base, i, key, largest, inverse_t, scale);
  block_sums[gl_LocalInvocationIndex] = sum;
  const uint whole = reduce_add(sum);
  if (gl_LocalInvocationIndex == 0) chosen = 0;
  barrier();
  const uint random = philox_first_word(uvec2(state(slot, kSlotSeedLow), state(slot, kSlotSeedHigh)),
                                        uvec4(position + 1, state(slot, kSlotSampleIndex), 0, 0));
  uint target, low;
  umulExtended(random, whole, target, low);
  uint before = 0;
  for (uint i = 0; i < gl_LocalInvocationIndex; ++i) before += block_sums[i];
  if (target >= before && target - before < sum) {
    for (uint i = first; i < last; ++i) {
      before += integer_weight(base, i, key, largest, inverse_t, scale);
      if (before > target) {
        chosen = i;
        break;
      }
    }
  }
  barrier();
  return chosen;
}

uint first_with(uint base, float value) {
  uint id = 0xffffffffu;
  for (uint i = gl_LocalInvocationIndex; i < p.vocabulary; i += THREADS) {
    if (clean(logits[base + i]) == value) id = min(id, i);
  }
  return reduce_min(id);
}

void write_logprobs(uint base, uint out_base, uint token, uint wanted, float largest) {
  float sum = 0;
  for (uint i = gl_LocalInvocationIndex; i < p.vocabulary; i += THREADS) sum += exp(clean(logits[base + i]) - largest);
  const float log_sum = log(reduce_add(sum));
  const uint top = min(wanted - 1, min(kMaxTop, p.vocabulary));
  if (gl_LocalInvocationIndex == 0) {
    results[out_base + 1] = floatBitsToUint(clean(logits[base + token]) - largest - log_sum);
    results[out_base + 2] = top;
  }
  float bound = largest;      // the next one is the largest (value, -id) below (bound, last)
  uint last = 0xffffffffu;    // id of the one before, among equals
  for (uint n = 0; n < top; ++n) {
    float best = LOWEST;
    bool any = false;
    for (uint i = gl_LocalInvocationIndex; i < p.vocabulary; i += THREADS) {
      const float v = clean(logits[base + i]);
      if (v < bound || (v == bound && (last == 0xffffffffu || i > last))) best = max(best, v);
    }
    best = reduce_max(best);
    uint id = 0xffffffffu;
    for (uint i = gl_LocalInvocationIndex; i < p.vocabulary; i += THREADS) {
      if (clean(logits[base + i]) == best && (best < bound || last == 0xffffffffu || i > last)) id = min(id, i);
    }
    id = reduce_min(id);
    bound = best, last = id;
    if (gl_LocalInvocationIndex == 0) {
      results[out_base + 4 + 2 * n] = id;
      results[out_base + 5 + 2 * n] = floatBitsToUint(best - largest - log_sum);
    }
  }
}

void main() {
  const uint sample_index = gl_WorkGroupID.x;
  if (sample_index >= step_samples) return;
  const uvec4 at = STEP_SAMPLE(sample_index);
  const uint slot = at.y, position = at.z, base = sample_index * p.vocabulary;
  apply_penalties(base, slot, position);
  apply_bias(base, slot, position);
  float largest = LOWEST;
  for (uint i = gl_LocalInvocationIndex; i < p.vocabulary; i += THREADS) largest = max(largest, clean(logits[base + i]));
  largest = reduce_max(largest);
  const float temperature = state_float(slot, kSlotTemperature);
  uint token;
  if (temperature <= 0) {
    token = first_with(base, largest);
  } else {
    const float inverse_t = 1 / temperature;
    const uint k = state(slot, kSlotTopK);
    uint key = k > 0 && k < p.vocabulary ? top_k_key(base, k) : 0;
    float mass = mass_at_least(base, key, largest, inverse_t);
    const float top_p = state_float(slot, kSlotTopP), min_p = state_float(slot, kSlotMinP);
    if (top_p < 1) {
      key = top_p_key(base, key, top_p * mass, largest, inverse_t);
      mass = mass_at_least(base, key, largest, inverse_t);
    }
    if (min_p > 0) {
      key = max(key, ordered(largest + log(min_p) * temperature));
      mass = mass_at_least(base, key, largest, inverse_t);
    }
    token = draw(base, slot, position, key, largest, inverse_t, mass);
  }
  const uint out_base = (step_number % kRing * p.max_samples + sample_index) * kResultWords;
  const uint wanted = state(slot, kSlotLogprobs);
  if (wanted != 0) write_logprobs(base, out_base, token, wanted, largest);
  if (gl_LocalInvocationIndex == 0) {
    history[slot * p.history_stride + position + 1] = token;
    results[out_base] = token;
    if (wanted == 0) results[out_base + 1] = 0, results[out_base + 2] = 0;
  }
}
