// Every weight of random blocks, read back from the planes as repack.h describes them, is the one that Dequantize gives.
#include "worker/engine/repack.h"

#include <cstring>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace hekla::engine {
namespace {

using model::TensorType;

uint8_t Byte(const std::vector<std::byte>& planes, uint64_t at) { return static_cast<uint8_t>(planes[at]); }
float Half(const std::vector<std::byte>& planes, uint64_t at) {
  return model::HalfToFloat(static_cast<uint16_t>(Byte(planes, at) | Byte(planes, at + 1) << 8));
}

// Byte offset of part `part` of (row, unit) in the quant plane.
uint64_t PartOffset(const WeightLayout& layout, uint32_t subgroup, uint32_t row, uint32_t unit, uint32_t part) {
  const uint32_t parts = static_cast<uint32_t>(layout.quant_row_bytes / 16 / layout.units);
  const uint32_t chunk = unit / subgroup * subgroup, n = std::min(subgroup, layout.units - chunk);
  return row * layout.quant_row_bytes + (uint64_t{chunk} * parts + part * n + unit - chunk) * 16;
}

uint8_t Nibble(const std::vector<std::byte>& planes, uint64_t at, uint32_t i) {
  const uint8_t byte = Byte(planes, at + i / 8 * 4 + i % 4);
  return i % 8 < 4 ? byte & 15 : byte >> 4;
}

// Weight i of (row, unit), decoded from the description alone.
float Decode(const WeightLayout& layout, const std::vector<std::byte>& planes, uint32_t subgroup, uint32_t row, uint32_t unit, uint32_t i) {
  const uint64_t tile = layout.scale_offset + row / 4 * 4 * layout.scale_row_bytes +
                        (unit * 4 + row % 4) * layout.scale_row_bytes / layout.units;
  auto part = [&](uint32_t q) { return PartOffset(layout, subgroup, row, unit, q); };
  switch (layout.type) {
    case TensorType::kF32: {
      float value;
      std::memcpy(&value, &planes[part(i / 4) + i % 4 * 4], 4);
      return value;
    }
    case TensorType::kF16: return Half(planes, part(i / 8) + i % 8 * 2);
    case TensorType::kBF16: {
      const uint64_t at = part(i / 8) + i % 8 * 2;
      const uint32_t bits = uint32_t(Byte(planes, at) | Byte(planes, at + 1) << 8) << 16;
      float value;
      std::memcpy(&value, &bits, 4);
      return value;
    }
    case TensorType::kQ8_0: return Half(planes, tile) * static_cast<int8_t>(Byte(planes, part(i / 16) + i % 16));
    case TensorType::kQ4_0: return Half(planes, tile) * (Nibble(planes, part(0), i) - 8);
    case TensorType::kQ4_K: {
      const uint64_t at = layout.scale_offset + row * layout.scale_row_bytes + unit / 8 * 16;
      const uint32_t j = unit % 8;
      uint32_t high;
      std::memcpy(&high, &planes[at + 12], 4);
      const uint32_t pair = Byte(planes, at + 4 + j) | ((high >> 4 * j) & 15) << 8;
      return Half(planes, at) * (pair & 63) * Nibble(planes, part(0), i) - Half(planes, at + 2) * (pair >> 6);
    }
    case TensorType::kQ6_K: {
      const uint64_t high = layout.high_offset + row * layout.high_row_bytes + unit * 8;
      const int top = Byte(planes, high + i / 16 * 4 + i % 4) >> (2 * (i % 16 / 4)) & 3;
      const int scale = static_cast<int8_t>(Byte(planes, tile + i / 16));
      return Half(planes, tile + 2) * scale * ((Nibble(planes, part(0), i) | top << 4) - 32);
    }
  }
  return 0;
}

class RepackTest : public testing::TestWithParam<std::tuple<TensorType, uint32_t>> {};

TEST_P(RepackTest, KeepsEveryWeight) {
  const auto [type, subgroup] = GetParam();
  const model::TypeTraits& traits = model::Traits(type);
  const bool plain = traits.block_weights == 1;
  const uint32_t rows = 6, columns = plain ? 1100 : traits.block_weights == 256 ? 256 * 5 : 32 * 37;
  const uint64_t row_bytes = uint64_t{columns} / traits.block_weights * traits.block_bytes;
  std::mt19937 random(7);
  std::vector<uint8_t> file(rows * row_bytes);
  for (uint8_t& byte : file) byte = static_cast<uint8_t>(random() & (plain ? 0x3b : 0x7b));   // no NaN, no infinity
  const WeightLayout layout = LayoutOf(type, rows, columns);
  ASSERT_EQ(layout.rows % kernels::kRowPadding, 0u);
  std::vector<std::byte> planes(layout.bytes, std::byte(0xee));
  auto row = [&](uint32_t r) { return r < rows ? file.data() + r * row_bytes : nullptr; };
  for (uint32_t r = 0; r < layout.rows; ++r) {
    RepackQuants(layout, subgroup, row(r), &planes[r * layout.quant_row_bytes]);
    if (layout.high_row_bytes > 0) RepackHigh(layout, row(r), &planes[layout.high_offset + r * layout.high_row_bytes]);
    if (layout.scale_row_bytes > 0 && r % 4 == 0) {
      const uint8_t* four[4] = {row(r), row(r + 1), row(r + 2), row(r + 3)};
      RepackScales(layout, four, &planes[layout.scale_offset + r * layout.scale_row_bytes]);
    }
  }
  std::vector<float> expected(columns);
  for (uint32_t r = 0; r < rows; ++r) {
    model::Dequantize(type, file.data() + r * row_bytes, columns, expected.data());
    for (uint32_t k = 0; k < columns; ++k) {
      ASSERT_FLOAT_EQ(Decode(layout, planes, subgroup, r, k / 32, k % 32), expected[k]) << "row " << r << " column " << k;
    }
  }
  for (uint32_t k = columns; k < layout.units * 32; ++k) EXPECT_EQ(Decode(layout, planes, subgroup, 0, k / 32, k % 32), 0) << k;
  for (uint32_t k = 0; k < columns; ++k)
    ASSERT_EQ(Decode(layout, planes, subgroup, rows, k / 32, k % 32), 0) << "padding row, column " << k;
}

INSTANTIATE_TEST_SUITE_P(Types, RepackTest,
                         testing::Combine(testing::Values(TensorType::kF32, TensorType::kF16, TensorType::kBF16, TensorType::kQ8_0,
                                                          TensorType::kQ4_0, TensorType::kQ4_K, TensorType::kQ6_K),
                                          testing::Values(8u, 32u)));

}  // namespace
}  // namespace hekla::engine
