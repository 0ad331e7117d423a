// Every weight of random blocks, read back from the planes as repack.h describes them, is the one that
// Dequantize gives.
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
uint64_t PartOffset(const WeightLayout& layout, uint32_t subgroup, uint32_t row, uint32_t unit,
                    uint32_t part) {
  const uint32_t parts = static_cast<uint32_t>(layout.quant_row_bytes / 16 / layout.units);
  if (layout.order == RowOrder::kInterleaved) {
    return (((uint64_t{row} / 32 * layout.units + unit) * parts + part) * 32 + row % 32) * 16;
  }
  const uint32_t chunk = unit / subgroup * subgroup, n = std::min(subgroup, layout.units - chunk);
  return row * layout.quant_row_bytes + (uint64_t{chunk} * parts + part * n + unit - chunk) * 16;
}

// Byte offsets of a unit's scale (Q4_K: its block), of Q6_K's two i8 scales and f16 d, and of Q6_K's upper
// bits.
struct Offsets {
  uint64_t scale, codes, d, high;
};
Offsets ScaleOffsets(const WeightLayout& layout, uint32_t row, uint32_t unit) {
  const uint64_t in_four = (uint64_t{row} / 4 * layout.units + unit) * 4 + row % 4, eight = unit / 8,
                 r = row % 32;
  if (layout.order == RowOrder::kConsecutive) {
    const bool q4k = layout.type == TensorType::kQ4_K;
    return {layout.scale_offset + (q4k ? (row * (layout.units / 8) + eight) * 16 : in_four * 2),
            layout.scale_offset + in_four * 4, layout.scale_offset + in_four * 4 + 2,
            layout.high_offset + row * layout.high_row_bytes + unit * 8};
  }
  const uint64_t block = uint64_t{row} / 32 * ((layout.units + 7) / 8) + eight;
  const uint64_t texel = layout.scale_offset + (block * 32 + r) * 16,
                 first_of_two = layout.scale_offset + (2 * block * 32 + r) * 16;
  return {texel + (layout.type == TensorType::kQ4_K ? 0 : unit % 8 * 2), first_of_two + unit % 8 * 2,
          first_of_two + 32 * 16,
          layout.high_offset + ((uint64_t{row} / 32 * (layout.units / 2) + unit / 2) * 32 + r) * 16 +
              unit % 2 * 8};
}

uint8_t Nibble(const std::vector<std::byte>& planes, uint64_t at, uint32_t i) {
  const uint8_t byte = Byte(planes, at + i / 8 * 4 + i % 4);
  return i % 8 < 4 ? byte & 15 : byte >> 4;
}

// Weight i of (row, unit), decoded from the description alone.
float Decode(const WeightLayout& layout, const std::vector<std::byte>& planes, uint32_t subgroup,
             uint32_t row, uint32_t unit, uint32_t i) {
  const Offsets offsets = ScaleOffsets(layout, row, unit);
  auto part = [&](uint32_t q) { return PartOffset(layout, subgroup, row, unit, q); };
  switch (layout.type) {
    case TensorType::kF32: {
      float value;
      std::memcpy(&value, &planes[part(i / 4) + i % 4 * 4], 4);
      return value;
    }
    case TensorType::kF16:
      return Half(planes, part(i / 8) + i % 8 * 2);
    case TensorType::kBF16: {
      const uint64_t at = part(i / 8) + i % 8 * 2;
      const uint32_t bits = uint32_t(Byte(planes, at) | Byte(planes, at + 1) << 8) << 16;
      float value;
      std::memcpy(&value, &bits, 4);
      return value;
    }
    case TensorType::kQ8_0:
      return Half(planes, offsets.scale) * static_cast<int8_t>(Byte(planes, part(i / 16) + i % 16));
    case TensorType::kQ4_0:
      return Half(planes, offsets.scale) * (Nibble(planes, part(0), i) - 8);
    case TensorType::kQ4_K: {
      const uint32_t j = unit % 8;
      uint32_t high;
      std::memcpy(&high, &planes[offsets.scale + 12], 4);
      const uint32_t pair = Byte(planes, offsets.scale + 4 + j) | ((high >> 4 * j) & 15) << 8;
      return Half(planes, offsets.scale) * (pair & 63) * Nibble(planes, part(0), i) -
             Half(planes, offsets.scale + 2) * (pair >> 6);
    }
    case TensorType::kQ6_K: {
      const int top = Byte(planes, offsets.high + i / 16 * 4 + i % 4) >> (2 * (i % 16 / 4)) & 3;
      const int scale = static_cast<int8_t>(Byte(planes, offsets.codes + i / 16));
      return Half(planes, offsets.d) * scale * ((Nibble(planes, part(0), i) | top << 4) - 32);
    }
  }
  return 0;
}

class RepackTest : public testing::TestWithParam<std::tuple<TensorType, RowOrder, uint32_t>> {};

TEST_P(RepackTest, KeepsEveryWeight) {
  const auto [type, order, subgroup] = GetParam();
  const model::TypeTraits& traits = model::Traits(type);
  const bool plain = traits.block_weights == 1;
  const uint32_t rows = 38, columns = plain ? 1100 : traits.block_weights == 256 ? 256 * 5 : 32 * 37;
  const uint64_t row_bytes = uint64_t{columns} / traits.block_weights * traits.block_bytes;
  std::mt19937 random(7);
  std::vector<uint8_t> file(rows * row_bytes);
  for (uint8_t& byte : file)
    byte = static_cast<uint8_t>(random() & (plain ? 0x3b : 0x7b));  // no NaN, no infinity
  const WeightLayout layout = LayoutOf(order, type, rows, columns);
  ASSERT_EQ(layout.rows, order == RowOrder::kInterleaved ? 64u : 40u);
  std::vector<std::byte> planes(layout.bytes, std::byte(0xee));
  auto row = [&](uint32_t r) { return r < rows ? file.data() + r * row_bytes : nullptr; };
  for (uint32_t first = 0; first < layout.rows; first += layout.tile_rows) {
    std::vector<const uint8_t*> tile;
    for (uint32_t r = first; r < first + layout.tile_rows; ++r) tile.push_back(row(r));
    RepackQuants(layout, subgroup, tile, &planes[first * layout.quant_row_bytes]);
    if (layout.high_row_bytes > 0)
      RepackHigh(layout, tile, &planes[layout.high_offset + first * layout.high_row_bytes]);
    if (layout.scale_row_bytes > 0)
      RepackScales(layout, tile, &planes[layout.scale_offset + first * layout.scale_row_bytes]);
  }
  std::vector<float> expected(columns);
  for (uint32_t r = 0; r < rows; ++r) {
    model::Dequantize(type, file.data() + r * row_bytes, columns, expected.data());
    for (uint32_t k = 0; k < columns; ++k) {
      ASSERT_FLOAT_EQ(Decode(layout, planes, subgroup, r, k / 32, k % 32), expected[k])
          << "row " << r << " column " << k;
    }
  }
  for (uint32_t k = columns; k < layout.units * 32; ++k)
    EXPECT_EQ(Decode(layout, planes, subgroup, 0, k / 32, k % 32), 0) << k;
  for (uint32_t k = 0; k < columns; ++k)
    ASSERT_EQ(Decode(layout, planes, subgroup, rows, k / 32, k % 32), 0) << "padding row, column " << k;
}

INSTANTIATE_TEST_SUITE_P(
    Types, RepackTest,
    testing::Combine(testing::Values(TensorType::kF32, TensorType::kF16, TensorType::kBF16, TensorType::kQ8_0,
                                     TensorType::kQ4_0, TensorType::kQ4_K, TensorType::kQ6_K),
                     testing::Values(RowOrder::kConsecutive, RowOrder::kInterleaved),
                     testing::Values(8u, 32u)));

}  // namespace
}  // namespace hekla::engine
