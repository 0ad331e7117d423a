#version 460
// Reads a buffer once, 16 bytes a lane, and keeps only a sum: the device's own read bandwidth, the limit that benchmarks divide by.
// Loop budget: words / 4 / (workgroups * 256).
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 256) in;
#include "params.h"
layout(push_constant) uniform Push { ReadBufferParams p; };
layout(binding = 0, std430) readonly buffer Source { uvec4 source[]; };
layout(binding = 1, std430) writeonly buffer Sum { uint result[]; };

void main() {
  uvec4 sum = uvec4(0);
  const uint stride = gl_NumWorkGroups.x * 256;
  for (uint i = gl_GlobalInvocationID.x; i < p.vectors; i += 4 * stride) {
    const uvec4 a = source[i], b = source[min(i + stride, p.vectors - 1)];
    const uvec4 c = source[min(i + 2 * stride, p.vectors - 1)], d = source[min(i + 3 * stride, p.vectors - 1)];
    sum += a ^ b ^ c ^ d;
  }
  const uint folded = sum.x ^ sum.y ^ sum.z ^ sum.w;
  if (folded == 0x9e3779b9u) result[0] = folded;   // never known at compile time, so the reads stay
}
