// Weights row by row: part q of unit l in a chunk of n units stands at (row * units + chunk) * PARTS + q * n + l, in uvec4, so that lanes
// along a row load side by side.
//   LOADS   loads of a unit, each a Raw with GROUPS groups of four weights; group `index` counts over the unit. load_raw(at, s): load s of
//           the part at uvec4 `at`
//   group(raw, high, index)  the four weights of a group, as floats before scale and offset
layout(binding = 0, std430) readonly buffer Weights4 { uvec4 weights4[]; };
layout(binding = 0, std430) readonly buffer Weights2 { uvec2 weights2[]; };
layout(binding = 0, std430) readonly buffer Weights1 { uint weights1[]; };

#if defined(QUANT_F32)
#define LOADS 8
#define GROUPS 1
#define Raw uvec4
vec4 group(Raw raw, uint high, uint index) { return uintBitsToFloat(raw); }
#elif defined(QUANT_F16) || defined(QUANT_BF16)
#define LOADS 4
#define GROUPS 2
#define Raw uvec4
vec4 group(Raw raw, uint high, uint index) { return DECODE((index & 1) == 0 ? raw.xy : raw.zw); }
#elif defined(QUANT_Q8_0)
#define LOADS 2
#define GROUPS 4
#define Raw uvec4
vec4 group(Raw raw, uint high, uint index) { return signed_bytes_to_vec4(int(raw[index & 3])); }
#else   // Q4_0, Q4_K, Q6_K
#define LOADS 2
#define GROUPS 4
#define Raw uvec2
vec4 group(Raw raw, uint high, uint index) { return bytes_to_vec4(group_bytes(raw[index >> 1 & 1], high, index)); }
#endif

#define STEPS (LOADS / PARTS)
#if PARTS == 1
Raw load_raw(uint at, uint s) { const uvec4 all = weights4[at]; return s == 0 ? all.xy : all.zw; }
#else
Raw load_raw(uint at, uint s) { return weights4[at]; }
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
#define ROW_SCALES uvec4
#define SCALES_PER_ROW
uvec4 row_scales(uint scale_base, uint row, uint unit, uint units) {
  return weights4[scale_base + row * (units / 8) + unit / 8];
}
vec2 scale_of(uvec4 scales, uint row, uint unit, uint half_unit) { return q4k_scale(scales, unit & 7); }
#endif

// Weights 4 index ... 4 index + 3 of (row, unit), before scale and offset, and their scale and minimum.
struct Group {
  vec4 weights;
  vec2 scale;
};
Group load_group(uint row, uint unit, uint index, uint units, uint scale_base, uint high_base) {
  const uint chunk = unit / SUBGROUP * SUBGROUP, n = min(SUBGROUP, units - chunk), load = index / GROUPS;
  const Raw raw = load_raw((row * units + chunk) * PARTS + load / STEPS * n + unit - chunk, load % STEPS);
#ifdef HIGH
  const vec4 weights = group(raw, weights1[2 * (high_base + row * units + unit) + index / 4], index);
#else
  const vec4 weights = group(raw, 0, index);
#endif
#ifdef SCALED
  return Group(weights, scale_of(row_scales(scale_base, row, unit, units), row, unit, index / 4));
#else
  return Group(weights, vec2(1, 0));
#endif
}
