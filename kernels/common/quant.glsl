// Facts of one weight type, QUANT_<type>, that both orders of rows share (worker/engine/repack.h describes the bytes).
//   PARTS   pieces of 16 bytes that a unit of 32 weights is
//   HALVES  scales of a unit (1 or 2); SCALED: has scales at all
//   OFFSET  what is subtracted from every weight; MINIMUM: Q4_K's own minimum instead
//   HIGH    upper two bits in a plane of their own
#if defined(QUANT_F32)
#define PARTS 8
#elif defined(QUANT_F16) || defined(QUANT_BF16)
#define PARTS 4
#elif defined(QUANT_Q8_0)
#define PARTS 2
#define SCALED
#else
#define PARTS 1
#define SCALED
#if defined(QUANT_Q4_0)
#define OFFSET 8.0
#elif defined(QUANT_Q4_K)
#define MINIMUM
#else
#define HALVES 2
#define OFFSET 32.0
#define HIGH
#endif
#endif

#ifndef HALVES
#define HALVES 1
#endif
#ifdef SCALED
#define SUMS sums
#else
#define SUMS acc
#endif
#if defined(OFFSET) || defined(MINIMUM)
#define NEEDS_SUM
#endif

vec4 bytes_to_vec4(uint v) {
  return vec4(float(v & 0xffu), float((v >> 8) & 0xffu), float((v >> 16) & 0xffu), float(v >> 24));
}
vec4 signed_bytes_to_vec4(int v) {
  return vec4(float(bitfieldExtract(v, 0, 8)), float(bitfieldExtract(v, 8, 8)), float(bitfieldExtract(v, 16, 8)), float(v >> 24));
}
vec4 halves_to_vec4(uvec2 v) { return vec4(unpackHalf2x16(v.x), unpackHalf2x16(v.y)); }
vec4 bfloats_to_vec4(uvec2 v) { return uintBitsToFloat(uvec4(v.x << 16, v.x & 0xffff0000u, v.y << 16, v.y & 0xffff0000u)); }
#ifdef QUANT_BF16
#define DECODE bfloats_to_vec4
#else
#define DECODE halves_to_vec4
#endif

// Group `index` (four weights) of a 4-bit or 6-bit unit as bytes: it is in the low or high nibbles of `low`; of Q6_K the upper two bits
// are field index & 3 of the bytes of `high`.
uint group_bytes(uint low, uint high, uint index) {
  const uint nibbles = (low >> (4 * (index & 1))) & 0x0f0f0f0fu;
#ifdef HIGH
  return nibbles | ((high >> (2 * (index & 3))) & 0x03030303u) << 4;
#else
  return nibbles;
#endif
}

// Scale and minimum of unit j of a Q4_K block: {d, dmin} and eight 12-bit pairs.
vec2 q4k_scale(uvec4 block, uint j) {
  const uint low = ((j < 4 ? block.y : block.z) >> (8 * (j & 3))) & 0xffu;
  const uint high4 = (block.w >> (4 * j)) & 0xfu;
  const vec2 d = unpackHalf2x16(block.x);
  return vec2(d.x * float(low & 63u), d.y * float(low >> 6 | high4 << 2));
}

// total + scale * sum, less what the offset or the minimum of the weights adds to the sum.
float add_scaled(float total, vec2 scale, float sum, float activation_sum) {
#if defined(OFFSET)
  precise float value = fma(-OFFSET, activation_sum, sum);
  return fma(scale.x, value, total);
#elif defined(MINIMUM)
  return fma(scale.x, sum, fma(-scale.y, activation_sum, total));
#else
  return fma(scale.x, sum, total);
#endif
}

#ifdef INTERLEAVED
#include "common/weights_interleaved.glsl"
#else
#include "common/weights.glsl"
#endif
