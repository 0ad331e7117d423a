// Weights as the uploader lays them out (worker/engine/repack.h), for one QUANT type. A unit of a row is PARTS pieces of 16 bytes: part q
// of unit l in a chunk of n units stands at (row * units + chunk) * PARTS + q * n + l, in uvec4.
//   LOADS   loads of a unit, each a Raw with GROUPS groups of four weights; group `index` counts over the unit. load_raw(at, s): load s of
//           the part at uvec4 `at`. With COMPACT (software devices, whose compilers are slow on long code) loads are small and looped over
//   group(raw, high, index)  the four weights of a group, as floats before scale and offset
//   HALVES  scales of a unit (1 or 2); SCALED: has scales at all
//   OFFSET  what is subtracted from every weight; MINIMUM: Q4_K's own minimum instead

layout(binding = 0, std430) readonly buffer Weights4 { uvec4 weights4[]; };
layout(binding = 0, std430) readonly buffer Weights2 { uvec2 weights2[]; };
layout(binding = 0, std430) readonly buffer Weights1 { uint weights1[]; };

#ifdef COMPACT
#define ROLLED [[dont_unroll]]
#else
#define ROLLED [[unroll]]
#endif

vec4 bytes_to_vec4(uint v) {
  return vec4(float(v & 0xffu), float((v >> 8) & 0xffu), float((v >> 16) & 0xffu), float(v >> 24));
}
vec4 signed_bytes_to_vec4(int v) {
  return vec4(float(bitfieldExtract(v, 0, 8)), float(bitfieldExtract(v, 8, 8)), float(bitfieldExtract(v, 16, 8)), float(v >> 24));
}
vec4 halves_to_vec4(uvec2 v) { return vec4(unpackHalf2x16(v.x), unpackHalf2x16(v.y)); }
vec4 bfloats_to_vec4(uvec2 v) { return uintBitsToFloat(uvec4(v.x << 16, v.x & 0xffff0000u, v.y << 16, v.y & 0xffff0000u)); }

#if defined(QUANT_F32)
#define PARTS 8
#define LOADS 8
#define GROUPS 1
#define Raw uvec4
Raw load_raw(uint at, uint s) { return weights4[at]; }
vec4 group(Raw raw, uint high, uint index) { return uintBitsToFloat(raw); }

#elif defined(QUANT_F16) || defined(QUANT_BF16)
#define PARTS 4
#ifdef QUANT_F16
#define DECODE halves_to_vec4
#else
#define DECODE bfloats_to_vec4
#endif
#ifdef COMPACT
#define LOADS 8
#define GROUPS 1
#define Raw uvec2
Raw load_raw(uint at, uint s) { return weights2[2 * at + s]; }
vec4 group(Raw raw, uint high, uint index) { return DECODE(raw); }
#else
#define LOADS 4
#define GROUPS 2
#define Raw uvec4
Raw load_raw(uint at, uint s) { return weights4[at]; }
vec4 group(Raw raw, uint high, uint index) { return DECODE((index & 1) == 0 ? raw.xy : raw.zw); }
#endif

#elif defined(QUANT_Q8_0)
#define PARTS 2
#define SCALED
#ifdef COMPACT
#define LOADS 8
#define GROUPS 1
#define Raw uint
Raw load_raw(uint at, uint s) { return weights1[4 * at + s]; }
vec4 group(Raw raw, uint high, uint index) { return signed_bytes_to_vec4(int(raw)); }
#else
#define LOADS 2
#define GROUPS 4
#define Raw uvec4
Raw load_raw(uint at, uint s) { return weights4[at]; }
vec4 group(Raw raw, uint high, uint index) { return signed_bytes_to_vec4(int(raw[index & 3])); }
#endif

#else   // Q4_0, Q4_K, Q6_K
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
// Group `index` of the unit is in the low or high nibbles of `low`; of Q6_K the upper two bits are field index & 3 of `high`'s bytes.
vec4 four_weights(uint low, uint high, uint index) {
  const uint nibbles = (low >> (4 * (index & 1))) & 0x0f0f0f0fu;
#ifdef HIGH
  return bytes_to_vec4(nibbles | ((high >> (2 * (index & 3))) & 0x03030303u) << 4);
#else
  return bytes_to_vec4(nibbles);
#endif
}
#ifdef COMPACT
#define LOADS 4
#define GROUPS 2
#define Raw uint
Raw load_raw(uint at, uint s) { return weights1[4 * at + s]; }
vec4 group(Raw raw, uint high, uint index) { return four_weights(raw, high, index); }
#else
#define LOADS 2
#define GROUPS 4
#define Raw uvec2
Raw load_raw(uint at, uint s) { const uvec4 all = weights4[at]; return s == 0 ? all.xy : all.zw; }
vec4 group(Raw raw, uint high, uint index) { return four_weights(raw[index >> 1 & 1], high, index); }
#endif
#endif

#define STEPS (LOADS / PARTS)
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

// Scale and minimum of (row, unit), half of the unit. Each type's plane: see repack.h.
#if defined(QUANT_Q8_0) || defined(QUANT_Q4_0)
#define ROW_SCALES uvec2
uvec2 row_scales(uint scale_base, uint row, uint unit, uint units) {
  return weights2[scale_base + (row >> 2) * units + unit];
}
vec2 scale_of(uvec2 scales, uint row, uint unit, uint half_unit) {
  return vec2(unpackHalf2x16((row & 2) == 0 ? scales.x : scales.y)[row & 1], 0);
}
#elif defined(QUANT_Q6_K)
#define ROW_SCALES uvec4
uvec4 row_scales(uint scale_base, uint row, uint unit, uint units) {
  return weights4[scale_base + (row >> 2) * units + unit];
}
vec2 scale_of(uvec4 scales, uint row, uint unit, uint half_unit) {
  uint s = (row & 2) == 0 ? ((row & 1) == 0 ? scales.x : scales.y) : ((row & 1) == 0 ? scales.z : scales.w);
  return vec2(unpackHalf2x16(s >> 16).x * float(bitfieldExtract(int(s), 8 * int(half_unit), 8)), 0);
}
#elif defined(QUANT_Q4_K)
// {d, dmin} and eight 12-bit pairs (scale, minimum) of a 256-weight block
#define ROW_SCALES uvec4
#define SCALES_PER_ROW
uvec4 row_scales(uint scale_base, uint row, uint unit, uint units) {
  return weights4[scale_base + row * (units / 8) + unit / 8];
}
vec2 scale_of(uvec4 scales, uint row, uint unit, uint half_unit) {
  uint j = unit & 7;
  uint low = ((j < 4 ? scales.y : scales.z) >> (8 * (j & 3))) & 0xffu;
  uint high4 = (scales.w >> (4 * j)) & 0xfu;
  vec2 d = unpackHalf2x16(scales.x);
  return vec2(d.x * float(low & 63u), d.y * float(low >> 6 | high4 << 2));
}
#endif

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
