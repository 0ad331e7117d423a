// Block formats against hand-made blocks: every expected value is computed here from the format's definition,
// bit by bit, not with the code under test.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "worker/model/gguf.h"

namespace hekla::model {
namespace {

uint32_t Bits(float value) { return std::bit_cast<uint32_t>(value); }

// binary16 by its definition, in double.
double HalfByDefinition(uint16_t half) {
  const int exponent = half >> 10 & 31, mantissa = half & 1023;
  const double sign = half & 0x8000 ? -1 : 1;
  if (exponent == 31) return mantissa != 0 ? std::nan("") : sign * std::numeric_limits<double>::infinity();
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

TEST(Half, EveryHalfIsExact) {
  for (uint32_t half = 0; half < 0x10000; ++half) {
    const double expected = HalfByDefinition(static_cast<uint16_t>(half));
    const float found = HalfToFloat(static_cast<uint16_t>(half));
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(found)) << half;
      EXPECT_TRUE(std::isnan(HalfToFloat(FloatToHalf(found)))) << half;
      continue;
    }
    EXPECT_EQ(Bits(found), Bits(static_cast<float>(expected))) << half;
    EXPECT_EQ(FloatToHalf(found), half) << half;
  }
}

TEST(Half, RoundsToNearestEven) {
  for (uint32_t half = 0; half < 0x7BFF; ++half) {
    const float low = HalfToFloat(static_cast<uint16_t>(half));
    const float high = HalfToFloat(static_cast<uint16_t>(half + 1));
    const float middle = low + (high - low) / 2;  // exact
    EXPECT_EQ(FloatToHalf(middle), half % 2 == 0 ? half : half + 1) << half;
    EXPECT_EQ(FloatToHalf(std::nextafter(middle, low)), half) << half;
    EXPECT_EQ(FloatToHalf(std::nextafter(middle, high)), half + 1) << half;
    EXPECT_EQ(FloatToHalf(-middle), 0x8000 | FloatToHalf(middle)) << half;
  }
  EXPECT_EQ(FloatToHalf(65519.996f), 0x7BFF);
  EXPECT_EQ(FloatToHalf(65520.0f), 0x7C00);
  EXPECT_EQ(FloatToHalf(std::numeric_limits<float>::max()), 0x7C00);
}

TEST(Dequantize, PlainTypes) {
  const float floats[2] = {1.5f, -0.0f};
  float out[2];
  Dequantize(TensorType::kF32, reinterpret_cast<const uint8_t*>(floats), 2, out);
  EXPECT_EQ(Bits(out[0]), Bits(1.5f));
  EXPECT_EQ(Bits(out[1]), Bits(-0.0f));
  const uint8_t halves[4] = {0x00, 0x3C, 0x01, 0x80};  // 1, -2^-24
  Dequantize(TensorType::kF16, halves, 2, out);
  EXPECT_EQ(out[0], 1.0f);
  EXPECT_EQ(out[1], -0x1p-24f);
  const uint8_t brains[4] = {0x80, 0x3F, 0x49, 0xC0};
  Dequantize(TensorType::kBF16, brains, 2, out);
  EXPECT_EQ(Bits(out[0]), 0x3F800000u);
  EXPECT_EQ(Bits(out[1]), 0xC0490000u);
}

// Blocks of random bytes, scales included (also NaN, infinite and subnormal ones). `weight(block, n)` is the
// format's definition.
template <typename Weight>
void CheckBlocks(TensorType type, Weight weight) {
  constexpr uint32_t kSeed = 20240611;
  SCOPED_TRACE(testing::Message() << Traits(type).name << " seed " << kSeed);
  std::mt19937 random(kSeed);
  const int weights = Traits(type).block_weights, bytes = Traits(type).block_bytes;
  std::vector<uint8_t> blocks(200 * bytes);
  for (uint8_t& byte : blocks) byte = static_cast<uint8_t>(random());
  std::vector<float> out(200 * weights);
  Dequantize(type, blocks.data(), out.size(), out.data());
  for (size_t i = 0; i < out.size(); ++i) {
    const float expected = weight(blocks.data() + i / weights * bytes, static_cast<int>(i) % weights);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(out[i])) << i;
    } else {
      ASSERT_EQ(Bits(out[i]), Bits(expected)) << i;
    }
  }
}

float HalfAt(const uint8_t* at) { return static_cast<float>(HalfByDefinition(at[0] | at[1] << 8)); }

TEST(Dequantize, Q4_0) {
  CheckBlocks(TensorType::kQ4_0, [](const uint8_t* block, int n) {
    const int nibble = n < 16 ? block[2 + n] % 16 : block[2 + n - 16] / 16;
    return HalfAt(block) * static_cast<float>(nibble - 8);
  });
}

TEST(Dequantize, Q8_0) {
  CheckBlocks(TensorType::kQ8_0, [](const uint8_t* block, int n) {
    const int byte = block[2 + n];
    return HalfAt(block) * static_cast<float>(byte < 128 ? byte : byte - 256);
  });
}

TEST(Dequantize, Q4_K) {
  CheckBlocks(TensorType::kQ4_K, [](const uint8_t* block, int n) {
    // Scales and minima as 8 + 8 numbers of 6 bits: the first four of each in the low bits of bytes 0..7, the
    // others split.
    const uint8_t* packed = block + 4;
    const int s = n / 32;
    int scale, min;
    if (s < 4) {
      scale = packed[s] % 64;
      min = packed[4 + s] % 64;
    } else {
      scale = packed[s + 4] % 16 + packed[s - 4] / 64 * 16;
      min = packed[s + 4] / 16 + packed[s] / 64 * 16;
    }
    const int byte = block[16 + n / 64 * 32 + n % 32];
    const int q = n / 32 % 2 == 0 ? byte % 16 : byte / 16;
    const volatile float step = HalfAt(block) * static_cast<float>(scale);
    const volatile float product = step * static_cast<float>(q);
    const volatile float offset = HalfAt(block + 2) * static_cast<float>(min);
    return product - offset;
  });
}

TEST(Dequantize, Q6_K) {
  CheckBlocks(TensorType::kQ6_K, [](const uint8_t* block, int n) {
    const int half = n / 128, quarter = n % 128 / 32, l = n % 32;
    const int low_byte = block[64 * half + n % 64];
    const int low = quarter < 2 ? low_byte % 16 : low_byte / 16;
    const int high = block[128 + 32 * half + l] >> (2 * quarter) & 3;
    const int scale_byte = block[192 + n / 16];
    const volatile float step =
        HalfAt(block + 208) * static_cast<float>(scale_byte < 128 ? scale_byte : scale_byte - 256);
    return step * static_cast<float>(low + 16 * high - 32);
  });
}

TEST(TypeTraits, NamesAndSizes) {
  EXPECT_STREQ(Traits(TensorType::kQ4_K).name, "Q4_K");
  EXPECT_EQ(FindTypeTraits(7), nullptr);
  EXPECT_EQ(FindTypeTraits(0xFFFFFFFF), nullptr);
  EXPECT_EQ(TypeName(7), "Q5_1");
  EXPECT_EQ(TypeName(30), "BF16");
  EXPECT_EQ(TypeName(39), "MXFP4");
  EXPECT_EQ(TypeName(99), "type 99");
}

}  // namespace
}  // namespace hekla::model
