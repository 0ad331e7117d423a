// Block formats of ggml. Every value is computed in float32 in ggml's order, so results are equal bit for
// bit, also for scales that are NaN or infinite. Layouts (byte offsets) stand at each function.
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "worker/base/check.h"
#include "worker/model/gguf.h"

namespace hekla::model {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF data is read in place");

constexpr TypeTraits kF32Traits{"F32", 1, 4};
constexpr TypeTraits kF16Traits{"F16", 1, 2};
constexpr TypeTraits kBF16Traits{"BF16", 1, 2};
constexpr TypeTraits kQ4_0Traits{"Q4_0", 32, 18};
constexpr TypeTraits kQ8_0Traits{"Q8_0", 32, 34};
constexpr TypeTraits kQ4_KTraits{"Q4_K", 256, 144};
constexpr TypeTraits kQ6_KTraits{"Q6_K", 256, 210};

template <typename T>
T Load(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

float LoadHalf(const uint8_t* at) { return HalfToFloat(Load<uint16_t>(at)); }

// 0: f16 d | 2: u8 qs[16], weights 0..15 in the low nibbles, 16..31 in the high ones.
void DequantizeQ4_0(const uint8_t* block, float* out) {
  const float d = LoadHalf(block);
  for (int j = 0; j < 16; ++j) {
    const int byte = block[2 + j];
    out[j] = d * static_cast<float>((byte & 15) - 8);
    out[j + 16] = d * static_cast<float>((byte >> 4) - 8);
  }
}

// 0: f16 d | 2: i8 qs[32]
void DequantizeQ8_0(const uint8_t* block, float* out) {
  const float d = LoadHalf(block);
  for (int j = 0; j < 32; ++j) out[j] = d * static_cast<float>(static_cast<int8_t>(block[2 + j]));
}

// 0: f16 d | 2: f16 dmin | 4: u8 scales[12] | 16: u8 qs[128]; 8 sub-blocks of 32, two of them share 32 bytes.
void DequantizeQ4_K(const uint8_t* block, float* out) {
  const float d = LoadHalf(block);
  const float d_min = LoadHalf(block + 2);
  const uint8_t* scales = block + 4;
  const uint8_t* qs = block + 16;
  for (int s = 0; s < 8; ++s) {
    int scale, min;
    if (s < 4) {
      scale = scales[s] & 63;
      min = scales[s + 4] & 63;
    } else {
      scale = (scales[s + 4] & 15) | (scales[s - 4] >> 6) << 4;
      min = (scales[s + 4] >> 4) | (scales[s] >> 6) << 4;
    }
    const float step = d * static_cast<float>(scale);
    const float offset = d_min * static_cast<float>(min);
    for (int l = 0; l < 32; ++l) {
      const int byte = qs[32 * (s / 2) + l];
      const float product = step * static_cast<float>(s % 2 == 0 ? byte & 15 : byte >> 4);
      out[32 * s + l] = product - offset;
    }
  }
}

// 0: u8 ql[128] | 128: u8 qh[64] | 192: i8 scales[16] | 208: f16 d; weight 128h + 32j + l.
void DequantizeQ6_K(const uint8_t* block, float* out) {
  const float d = LoadHalf(block + 208);
  for (int h = 0; h < 2; ++h) {
    for (int j = 0; j < 4; ++j) {
      for (int l = 0; l < 32; ++l) {
        const int byte = block[64 * h + 32 * (j & 1) + l];
        const int low = j < 2 ? byte & 15 : byte >> 4;
        const int high = block[128 + 32 * h + l] >> (2 * j) & 3;
        const auto scale = static_cast<int8_t>(block[192 + 8 * h + 2 * j + l / 16]);
        const float step = d * static_cast<float>(scale);
        out[128 * h + 32 * j + l] = step * static_cast<float>((low | high << 4) - 32);
      }
    }
  }
}

using BlockFunction = void (*)(const uint8_t*, float*);

void DequantizeBlocks(BlockFunction function, TensorType type, const uint8_t* source, uint64_t count,
                      float* out) {
  const TypeTraits& traits = Traits(type);
  HEKLA_CHECK(count % traits.block_weights == 0, "count is a whole number of blocks");
  for (uint64_t i = 0; i < count; i += traits.block_weights) {
    function(source, out + i);
    source += traits.block_bytes;
  }
}

}  // namespace

const TypeTraits* FindTypeTraits(uint32_t type_id) {
  switch (type_id) {
    case 0:
      return &kF32Traits;
    case 1:
      return &kF16Traits;
    case 2:
      return &kQ4_0Traits;
    case 8:
      return &kQ8_0Traits;
    case 12:
      return &kQ4_KTraits;
    case 14:
      return &kQ6_KTraits;
    case 30:
      return &kBF16Traits;
    default:
      return nullptr;
  }
}

const TypeTraits& Traits(TensorType type) {
  const TypeTraits* traits = FindTypeTraits(static_cast<uint32_t>(type));
  HEKLA_CHECK(traits != nullptr, "a TensorType has traits");
  return *traits;
}

std::string TypeName(uint32_t type_id) {
  // ggml.h, enum ggml_type; ids 4, 5, 31..33 and 36..38 are removed from it.
  static constexpr const char* kNames[] = {
      "F32",      "F16",      "Q4_0",    "Q4_1",  "Q4_2",       "Q4_3",       "Q5_0",       "Q5_1",
      "Q8_0",     "Q8_1",     "Q2_K",    "Q3_K",  "Q4_K",       "Q5_K",       "Q6_K",       "Q8_K",
      "IQ2_XXS",  "IQ2_XS",   "IQ3_XXS", "IQ1_S", "IQ4_NL",     "IQ3_S",      "IQ2_S",      "IQ4_XS",
      "I8",       "I16",      "I32",     "I64",   "F64",        "IQ1_M",      "BF16",       "Q4_0_4_4",
      "Q4_0_4_8", "Q4_0_8_8", "TQ1_0",   "TQ2_0", "IQ4_NL_4_4", "IQ4_NL_4_8", "IQ4_NL_8_8", "MXFP4",
      "NVFP4",    "Q1_0",     "Q2_0"};
  if (type_id < std::size(kNames)) return kNames[type_id];
  return absl::StrCat("type ", type_id);
}

float HalfToFloat(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t exponent = half >> 10 & 31;
  const uint32_t mantissa = half & 0x3FF;
  if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24, exact in float32
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
  }
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000u | mantissa << 13);
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t FloatToHalf(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return static_cast<uint16_t>(sign | 0x7E00);  // quiet NaN
  if (magnitude >= 0x477FF000)
    return static_cast<uint16_t>(sign | 0x7C00);  // 65520 and more round to infinity
  if (magnitude < 0x38800000) {                   // below 2^-14: subnormal, a multiple of 2^-24
    // Adding 0.5 puts the wanted bits at the end of the mantissa; the addition rounds to nearest even.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3F000000u));
  }
  const uint32_t rounded = magnitude + 0xFFF + (magnitude >> 13 & 1);
  return static_cast<uint16_t>(sign | (rounded - 0x38000000u) >> 13);
}

void Dequantize(TensorType type, const uint8_t* source, uint64_t count, float* out) {
  switch (type) {
    case TensorType::kF32:
      std::memcpy(out, source, count * sizeof(float));
      return;
    case TensorType::kF16:
      for (uint64_t i = 0; i < count; ++i) out[i] = LoadHalf(source + 2 * i);
      return;
    case TensorType::kBF16:
      for (uint64_t i = 0; i < count; ++i) {
        out[i] = std::bit_cast<float>(static_cast<uint32_t>(Load<uint16_t>(source + 2 * i)) << 16);
      }
      return;
    case TensorType::kQ4_0:
      return DequantizeBlocks(DequantizeQ4_0, type, source, count, out);
    case TensorType::kQ8_0:
      return DequantizeBlocks(DequantizeQ8_0, type, source, count, out);
    case TensorType::kQ4_K:
      return DequantizeBlocks(DequantizeQ4_K, type, source, count, out);
    case TensorType::kQ6_K:
      return DequantizeBlocks(DequantizeQ6_K, type, source, count, out);
  }
  HEKLA_CHECK(false, "a TensorType is one of the enumerators");
}

}  // namespace hekla::model
