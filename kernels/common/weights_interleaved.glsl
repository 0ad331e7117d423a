// Weights with kInterleaved rows interleaved, read as texels of 16 bytes: part q of (row, unit) stands at
// ((row / kInterleaved * units + unit) * PARTS + q) * kInterleaved + row % kInterleaved. A lane takes a row, so lanes read side by side,
// a subgroup reads one stream, and no sum runs over lanes.
// Image loads, because lavapipe reads a buffer's elements in a loop over lanes, texels by a function call, and images in straight code.
//   group(part, high, index)   weights 4 index ... of a unit from its part, before scale and offset, each divided by
//   activation_factor(vec4)    the power of two that the activations of that group (vec4 number `index` of the unit) are multiplied by
//                              instead: a field of a word is masked out, not shifted down
//   load_scales, scale_of      scales of eight units of a row; scale and minimum of one of them
layout(binding = 0, rgba32ui) readonly uniform uimageBuffer weights;

uvec4 load_part(uint row, uint unit, uint part, uint units) {
  return imageLoad(weights, int(((row / kInterleaved * units + unit) * PARTS + part) * kInterleaved + row % kInterleaved));
}

const vec4 BYTE_FACTORS = vec4(1, exp2(-8), exp2(-16), exp2(-24));

#if defined(QUANT_F32)
vec4 group(uvec4 part, uint high, uint index) { return uintBitsToFloat(part); }
#elif defined(QUANT_F16) || defined(QUANT_BF16)
vec4 group(uvec4 part, uint high, uint index) { return DECODE((index & 1) == 0 ? part.xy : part.zw); }
#elif defined(QUANT_Q8_0)
vec4 group(uvec4 part, uint high, uint index) { return signed_bytes_to_vec4(int(part[index & 3])); }
#elif defined(QUANT_Q6_K)
#define MASKED
vec4 group(uvec4 part, uint high, uint index) {
  const int v = int(group_bytes(part[index >> 1], high, index));
  return vec4(ivec4(v) & ivec4(0x3f, 0x3f00, 0x3f0000, 0x3f000000));
}
vec4 activation_factor(uint index) { return BYTE_FACTORS; }
#else   // Q4_0, Q4_K
#define MASKED
vec4 group(uvec4 part, uint high, uint index) {
  const int v = int(part[index >> 1]);
  if ((index & 1) == 0) return vec4(ivec4(v) & ivec4(0xf, 0xf00, 0xf0000, 0xf000000));
  return vec4(ivec4(ivec3(v) & ivec3(0xf0, 0xf000, 0xf00000), int(part[index >> 1] >> 28)));
}
vec4 activation_factor(uint index) {
  return (index & 1) == 0 ? BYTE_FACTORS : vec4(BYTE_FACTORS.xyz * exp2(-4), 1);
}
#endif
#ifndef MASKED
vec4 activation_factor(uint index) { return vec4(1); }
#endif

#ifdef HIGH
// Upper bits of weights 16 h ... of (row, unit): a texel holds those of two units.
uvec2 load_high(uint high_base, uint row, uint unit, uint units) {
  const uvec4 two = imageLoad(weights, int(high_base + (row / kInterleaved * (units / 2) + unit / 2) * kInterleaved + row % kInterleaved));
  return (unit & 1) == 0 ? two.xy : two.zw;
}
#endif

// A texel of a row's scales: eight units are one texel of f16 (Q4_0, Q8_0), one Q4_K block, or two: 16 i8 scales and f16 d (Q6_K).
struct Scales {
  uvec4 texel;
  float d;
};
#ifdef QUANT_Q6_K
#define SCALE_TEXELS 2
#else
#define SCALE_TEXELS 1
#endif
Scales load_scales(uint scale_base, uint row, uint unit, uint units) {
  const uint at = scale_base + ((row / kInterleaved * ((units + 7) / 8) + unit / 8) * SCALE_TEXELS) * kInterleaved + row % kInterleaved;
  Scales scales;
  scales.texel = imageLoad(weights, int(at));
  scales.d = 1;
#ifdef QUANT_Q6_K
  scales.d = unpackHalf2x16(imageLoad(weights, int(at + kInterleaved)).x).x;
#endif
  return scales;
}
vec2 scale_of(Scales scales, uint unit, uint half_unit) {
#if defined(QUANT_Q4_K)
  return q4k_scale(scales.texel, unit & 7);
#else
  const uint pair = unit >> 1 & 3;   // of units, in one word
  const uint word = pair < 2 ? (pair == 0 ? scales.texel.x : scales.texel.y) : (pair == 2 ? scales.texel.z : scales.texel.w);
#ifdef QUANT_Q6_K
  return vec2(scales.d * float(bitfieldExtract(int(word), int(16 * (unit & 1) + 8 * half_unit), 8)), 0);
#else
  return vec2(unpackHalf2x16(word >> 16 * (unit & 1)).x, 0);
#endif
#endif
}

// Weights 4 index ... 4 index + 3 of (row, unit), before scale and offset, and their scale and minimum.
struct Group {
  vec4 weights;
  vec2 scale;
};
Group load_group(uint row, uint unit, uint index, uint units, uint scale_base, uint high_base) {
  uint high = 0;
#ifdef HIGH
  const uvec2 both = load_high(high_base, row, unit, units);
  high = index < 4 ? both.x : both.y;
#endif
  const vec4 w = group(load_part(row, unit, index / (8 / PARTS), units), high, index) * activation_factor(index);
#ifdef SCALED
  return Group(w, scale_of(load_scales(scale_base, row, unit, units), unit, index / 4));
#else
  return Group(w, vec2(1, 0));
#endif
}
