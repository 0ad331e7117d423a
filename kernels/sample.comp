#version 460
// Draws the next token of every sampled row; one workgroup a sample. Definition: worker/schedule/request.h, truth: worker/cpu/sampler.
// Where the next token is known (a prompt's) it only says how likely the token was by the logits as they are.
// Penalties, bias and suppression are applied to the logits in place; the kept set is a threshold on logits, found by bisecting the
// ordered bits (integer sums, so the result does not depend on the order of atomics); the draw is Philox 4x32-10 over integer weights.
//   in/out logits [samples][vocabulary] f32, counts [samples][vocabulary] zero between steps
//   out    history[slot][position + 1] of a token that is drawn, results ring
// Loop budget: kSamplePasses of vocabulary / THREADS, kSampleReductions of THREADS / SUBGROUP, and THREADS.
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

const float LOWEST = -3.402823466e38;       // counts as minus infinity
const float SMALLEST = 1.175494351e-38;     // more than 0
const uint MINUS_INFINITY = 0xff800000u;
const uint NONE = 0xffffffffu;
const uint SUBGROUPS = THREADS / SUBGROUP;
shared float scratch_float[2 * SUBGROUPS];
shared uint scratch_uint[2 * SUBGROUPS];
shared uint chosen;

uint state(uint slot, uint word) { return slot_state[slot * p.slot_stride + word]; }
float state_float(uint slot, uint word) { return uintBitsToFloat(state(slot, word)); }

// Reductions over the workgroup take the halves of the scratch in turn, so one barrier each is enough: who writes a half again has passed
// the barrier of the reduction between, after everyone read it.
uint scratch_half = 0;
uint next_half() {
  scratch_half ^= SUBGROUPS;
  return scratch_half;
}
float reduce_add(float v) {
  const uint first = next_half();
  v = subgroupAdd(v);
  if (gl_SubgroupInvocationID == 0) scratch_float[first + gl_SubgroupID] = v;
  barrier();
  float sum = 0;
  [[dont_unroll]] for (uint i = 0; i < SUBGROUPS; ++i) sum += scratch_float[first + i];
  return sum;
}
uint reduce_add(uint v) {
  const uint first = next_half();
  v = subgroupAdd(v);
  if (gl_SubgroupInvocationID == 0) scratch_uint[first + gl_SubgroupID] = v;
  barrier();
  uint sum = 0;
  [[dont_unroll]] for (uint i = 0; i < SUBGROUPS; ++i) sum += scratch_uint[first + i];
  return sum;
}
// Every thread has a value and its id; the largest value and the lowest id among equals.
void reduce_best(inout float value, inout uint id) {
  const uint first = next_half();
  const float largest = subgroupMax(value);
  const uint lowest = subgroupMin(value == largest ? id : NONE);
  if (gl_SubgroupInvocationID == 0) scratch_float[first + gl_SubgroupID] = largest, scratch_uint[first + gl_SubgroupID] = lowest;
  barrier();
  value = scratch_float[first], id = scratch_uint[first];
  [[dont_unroll]] for (uint i = 1; i < SUBGROUPS; ++i) {
    const float v = scratch_float[first + i];
    if (v > value) {
      value = v, id = scratch_uint[first + i];
    } else if (v == value) {
      id = min(id, scratch_uint[first + i]);
    }
  }
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
    const float l = logits[base + token];
    precise float penalised = l > 0 ? l / repetition : l * repetition;
    penalised -= presence;
    penalised -= frequency * float(count);
    logits[base + token] = penalised;
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

// The likeliest weighs 1, though it may be infinite.
float weight(uint base, uint i, float largest, float inverse_t) {
  const float v = clean(logits[base + i]);
  return v == largest ? 1 : exp((v - largest) * inverse_t);
}

// Weights of the tokens that reach the key, or how many they are (exact: a vocabulary is smaller than 2^24).
float mass_at_least(uint base, uint key, bool count, float largest, float inverse_t) {
  float sum = 0;
  for (uint i = gl_LocalInvocationIndex; i < p.vocabulary; i += THREADS) {
    if (ordered(logits[base + i]) >= key) sum += count ? 1 : weight(base, i, largest, inverse_t);
  }
  return reduce_add(sum);
}

// The largest key >= floor_key that tokens with a mass (or count) of at least `needed` reach; `needed` is more than 0.
uint search_key(uint base, uint floor_key, float needed, bool count, float largest, float inverse_t) {
  uint key = 0;
  [[dont_unroll]] for (int bit = 31; bit >= 0; --bit) {
    const uint candidate = key | 1u << bit;
    if (candidate <= floor_key || mass_at_least(base, candidate, count, largest, inverse_t) >= needed) key = candidate;
  }
  return max(key, floor_key);
}

const uint TOP_K = 0, TOP_P = 1, MIN_P = 2, FILTERS = 3;

// The lowest key that the filters keep, and the mass of what they keep. One loop, so that the passes stand in the program once.
uint filter_key(uint base, uint slot, float largest, float temperature, out float mass) {
  const uint k = state(slot, kSlotTopK);
  const float top_p = state_float(slot, kSlotTopP), min_p = state_float(slot, kSlotMinP), inverse_t = 1 / temperature;
  uint key = 0;
  mass = 0;
  [[dont_unroll]] for (uint f = 0; f < FILTERS; ++f) {
    const bool used = f == TOP_K ? k > 0 && k < p.vocabulary : f == TOP_P ? top_p < 1 : min_p > 0;
    if (used && f == MIN_P) {
      key = max(key, ordered(largest + log(min_p) * temperature));
    } else if (used) {
      key = search_key(base, key, f == TOP_K ? float(k) : max(top_p * mass, SMALLEST), f == TOP_K, largest, inverse_t);
    }
    if (used || f == TOP_K) mass = mass_at_least(base, key, false, largest, inverse_t);
  }
  return key;
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
  return max(uint(weight(base, i, largest, inverse_t) * scale), clean(logits[base + i]) == largest ? 1u : 0u);
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
  if (gl_LocalInvocationIndex == 0) chosen = 0;
  const uint whole = reduce_add(sum);   // with a barrier
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

void find_largest(uint base, out float largest, out uint id) {
  largest = LOWEST, id = NONE;
  for (uint i = gl_LocalInvocationIndex; i < p.vocabulary; i += THREADS) {
    const float v = clean(logits[base + i]);
    if (v > largest || id == NONE) largest = v, id = i;
  }
  reduce_best(largest, id);
}

void write_logprobs(uint base, uint out_base, uint token, uint wanted, float largest) {
  float sum = 0;
  for (uint i = gl_LocalInvocationIndex; i < p.vocabulary; i += THREADS) sum += weight(base, i, largest, 1);
  const float log_sum = log(reduce_add(sum));
  float bound = largest;   // the next one is the largest (value, -id) below (bound, last)
  uint last = NONE;        // id of the one before, among equals
  uint top = 0;
  for (; top < min(wanted - 1, kMaxTop); ++top) {
    float best = LOWEST;   // ids of probability 0 are not listed
    uint id = NONE;
    for (uint i = gl_LocalInvocationIndex; i < p.vocabulary; i += THREADS) {
      const float v = clean(logits[base + i]);
      if (v > best && (v < bound || (v == bound && (last == NONE || i > last)))) best = v, id = i;
    }
    reduce_best(best, id);
    if (id == NONE) break;
    bound = best, last = id;
    if (gl_LocalInvocationIndex == 0) {
      results[out_base + 4 + 2 * top] = id;
      results[out_base + 5 + 2 * top] = floatBitsToUint((best == largest ? 0 : best - largest) - log_sum);
    }
  }
  if (gl_LocalInvocationIndex == 0) {
    const float v = clean(logits[base + token]);
    results[out_base + 1] = v == LOWEST ? MINUS_INFINITY : floatBitsToUint((v == largest ? 0 : v - largest) - log_sum);
    results[out_base + 2] = top;
  }
}

void main() {
  const uint sample_index = gl_WorkGroupID.x;
  if (sample_index >= step_samples) return;
  const uvec4 at = STEP_SAMPLE(sample_index);
  const uint slot = at.y, position = at.z, base = sample_index * p.vocabulary;
  const bool drawn = at.w == kDrawn;
  if (drawn) {
    apply_penalties(base, slot, position);
    apply_bias(base, slot, position);
  }
  float largest;
  uint token;
  find_largest(base, largest, token);
  const float temperature = state_float(slot, kSlotTemperature);
  if (!drawn) {
    token = at.w;
  } else if (temperature > 0 && largest > LOWEST) {   // else the largest logit, or id 0 where there is none
    float mass;
    const uint key = filter_key(base, slot, largest, temperature, mass);
    token = draw(base, slot, position, key, largest, 1 / temperature, mass);
  }
  const uint out_base = (step_number % kRing * p.max_samples + sample_index) * kResultWords;
  const uint wanted = state(slot, drawn ? kSlotLogprobs : kSlotPromptLogprobs);
  if (wanted != 0) write_logprobs(base, out_base, token, wanted, largest);
  if (gl_LocalInvocationIndex == 0) {
    if (drawn) history[slot * p.history_stride + position + 1] = token;
    results[out_base] = token;
    if (wanted == 0) results[out_base + 1] = 0, results[out_base + 2] = 0;
  }
}
