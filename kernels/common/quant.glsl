// Weights as the uploader lays them out (worker/engine/repack.h), for one QUANT type:
//   PARTS   uvec4 loads of a unit and row: part q of unit l of a chunk of n units stands at (row * units + chunk) * PARTS + q * n + l
//   GROUPS  groups of four weights in one part
//   group(raw, high, g)  the four weights of group g of a part, as floats before scale and offset
//   FLUSH   groups that share one scale (4 or 8); SCALED: has scales at all
//   OFFSET  what is subtracted from every weight; MINIMUM: Q4_K's own minimum instead

layout(binding = 0, std430) readonly buffer Weights4 { uvec4 weights4[]; };
layout(binding = 0, std430) readonly buffer Weights2 { uvec2 weights2[]; };

vec4 bytes_to_vec4(uint v) {
  return vec4(float(v & 0xffu), float((v >> 8) & 0xffu), float((v >> 16) & 0xffu), float(v >> 24));
}

#if defined(QUANT_F32)
#define PARTS 8
#define GROUPS 1
vec4 group(uvec4 raw, uvec2 high, uint g) { return uintBitsToFloat(raw); }

#elif defined(QUANT_F16)
#define PARTS 4
#define GROUPS 2
vec4 group(uvec4 raw, uvec2 high, uint g) {
  return vec4(unpackHalf2x16(raw[2 * g]), unpackHalf2x16(raw[2 * g + 1]));
}

#elif defined(QUANT_BF16)
#define PARTS 4
#define GROUPS 2
vec4 group(uvec4 raw, uvec2 high, uint g) {
  uint a = raw[2 * g], b = raw[2 * g + 1];
  return uintBitsToFloat(uvec4(a << 16, a & 0xffff0000u, b << 16, b & 0xffff0000u));
}

#elif defined(QUANT_Q8_0)
#define PARTS 2
#define GROUPS 4
#define SCALED
#define FLUSH 8
vec4 group(uvec4 raw, uvec2 high, uint g) {
  int v = int(raw[g]);
  return vec4(float(bitfieldExtract(v, 0, 8)), float(bitfieldExtract(v, 8, 8)), float(bitfieldExtract(v, 16, 8)),
              float(v >> 24));
}

#elif defined(QUANT_Q4_0) || defined(QUANT_Q4_K)
#define PARTS 1
#define GROUPS 8
#define SCALED
#define FLUSH 8
#ifdef QUANT_Q4_0
#define OFFSET 8.0
#else
#define MINIMUM
#endif
vec4 group(uvec4 raw, uvec2 high, uint g) { return bytes_to_vec4((raw[g >> 1] >> (4 * (g & 1))) & 0x0f0f0f0fu); }

#elif defined(QUANT_Q6_K)
#define PARTS 1
#define GROUPS 8
#define SCALED
#define FLUSH 4
#define OFFSET 32.0
#define HIGH
vec4 group(uvec4 raw, uvec2 high, uint g) {
  uint low = (raw[g >> 1] >> (4 * (g & 1))) & 0x0f0f0f0fu;
  uint top = (high[g >> 2] >> (2 * (g & 3))) & 0x03030303u;
  return bytes_to_vec4(low | top << 4);
}
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
