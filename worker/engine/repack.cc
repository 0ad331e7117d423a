#include "worker/engine/repack.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "worker/base/check.h"

namespace hekla::engine {
namespace {

using model::TensorType;

constexpr uint32_t kUnit = kernels::kUnit;

uint64_t Align16(uint64_t bytes) { return (bytes + 15) / 16 * 16; }

uint32_t PartsOf(TensorType type) {
  switch (type) {
    case TensorType::kF32: return 8;
    case TensorType::kF16:
    case TensorType::kBF16: return 4;
    case TensorType::kQ8_0: return 2;
    default: return 1;
  }
}

// 32 values of 4 bits into 16 bytes in the kernels' nibble order.
void PackNibbles(const std::array<uint8_t, kUnit>& values, std::byte* out) {
  for (int j = 0; j < 4; ++j) {
    for (int b = 0; b < 4; ++b) out[4 * j + b] = std::byte(values[8 * j + b] | values[8 * j + 4 + b] << 4);
  }
}

// The 4-bit part of the weights of one unit, in weight order.
std::array<uint8_t, kUnit> Nibbles(TensorType type, const uint8_t* row, uint32_t unit) {
  std::array<uint8_t, kUnit> values{};
  if (type == TensorType::kQ4_0) {
    const uint8_t* qs = row + unit * 18 + 2;
    for (int i = 0; i < 16; ++i) values[i] = qs[i] & 15, values[16 + i] = qs[i] >> 4;
  } else if (type == TensorType::kQ4_K) {
    const uint32_t s = unit % 8;
    const uint8_t* qs = row + unit / 8 * 144 + 16 + 32 * (s / 2);
    for (uint32_t i = 0; i < kUnit; ++i) values[i] = s % 2 == 0 ? qs[i] & 15 : qs[i] >> 4;
  } else {   // Q6_K
    const uint32_t h = unit % 8 / 4, j = unit % 4;
    const uint8_t* ql = row + unit / 8 * 210 + 64 * h + 32 * (j & 1);
    for (uint32_t i = 0; i < kUnit; ++i) values[i] = j < 2 ? ql[i] & 15 : ql[i] >> 4;
  }
  return values;
}

// Part `part` of a unit, 16 bytes. Only F32, F16 and BF16 rows may end inside a unit.
void PackPart(const WeightLayout& layout, const uint8_t* row, uint32_t unit, uint32_t part, std::byte* out) {
  switch (layout.type) {
    case TensorType::kF32:
    case TensorType::kF16:
    case TensorType::kBF16: {
      const uint32_t size = layout.type == TensorType::kF32 ? 4 : 2, count = 16 / size;
      const uint32_t first = unit * kUnit + part * count;
      const uint32_t present = std::min(count, layout.columns - std::min(layout.columns, first));
      std::memset(out, 0, 16);
      if (present > 0) std::memcpy(out, row + uint64_t{first} * size, present * size);
      return;
    }
    case TensorType::kQ8_0: std::memcpy(out, row + unit * 34 + 2 + 16 * part, 16); return;
    default: PackNibbles(Nibbles(layout.type, row, unit), out);
  }
}

void PackQ4kScales(const uint8_t* block, std::byte* out) {
  const uint8_t* scales = block + 4;
  std::memcpy(out, block, 4);
  uint32_t high = 0;
  for (int s = 0; s < 8; ++s) {
    uint32_t scale, minimum;
    if (s < 4) {
      scale = scales[s] & 63, minimum = scales[s + 4] & 63;
    } else {
      scale = (scales[s + 4] & 15) | (scales[s - 4] >> 6) << 4, minimum = (scales[s + 4] >> 4) | (scales[s] >> 6) << 4;
    }
    const uint32_t pair = scale | minimum << 6;
    out[4 + s] = std::byte(pair & 255);
    high |= (pair >> 8) << (4 * s);
  }
  std::memcpy(out + 12, &high, 4);
}

}  // namespace

kernels::Quant QuantOf(TensorType type) {
  switch (type) {
    case TensorType::kF32: return kernels::Quant::kF32;
    case TensorType::kF16: return kernels::Quant::kF16;
    case TensorType::kBF16: return kernels::Quant::kBF16;
    case TensorType::kQ8_0: return kernels::Quant::kQ8_0;
    case TensorType::kQ4_0: return kernels::Quant::kQ4_0;
    case TensorType::kQ4_K: return kernels::Quant::kQ4_K;
    case TensorType::kQ6_K: return kernels::Quant::kQ6_K;
  }
  HEKLA_CHECK(false, "unknown tensor type");
}

uint32_t WeightLayout::high_base() const { return static_cast<uint32_t>(high_offset / (order == RowOrder::kInterleaved ? 16 : 8)); }

uint32_t WeightLayout::scale_base() const {
  const bool by_uvec2 = order == RowOrder::kConsecutive && (type == TensorType::kQ4_0 || type == TensorType::kQ8_0);
  return static_cast<uint32_t>(scale_offset / (by_uvec2 ? 8 : 16));
}

WeightLayout LayoutOf(RowOrder order, TensorType type, uint32_t rows, uint32_t columns) {
  WeightLayout layout;
  layout.order = order;
  layout.type = type;
  layout.columns = columns;
  layout.units = (columns + kUnit - 1) / kUnit;
  layout.tile_rows = order == RowOrder::kInterleaved ? kernels::kInterleaved : kernels::kRowPadding;
  layout.rows = (rows + layout.tile_rows - 1) / layout.tile_rows * layout.tile_rows;
  layout.quant_row_bytes = uint64_t{layout.units} * PartsOf(type) * 16;
  uint64_t end = layout.quant_row_bytes * layout.rows;
  if (type == TensorType::kQ6_K) {
    layout.high_offset = end;
    layout.high_row_bytes = uint64_t{layout.units} * 8;
    end = Align16(end + layout.high_row_bytes * layout.rows);
  }
  const uint64_t eights = (layout.units + 7) / 8;
  switch (type) {
    case TensorType::kQ4_0:
    case TensorType::kQ8_0: layout.scale_row_bytes = order == RowOrder::kInterleaved ? eights * 16 : uint64_t{layout.units} * 2; break;
    case TensorType::kQ6_K: layout.scale_row_bytes = eights * 32; break;
    case TensorType::kQ4_K: layout.scale_row_bytes = eights * 16; break;
    default: break;
  }
  if (layout.scale_row_bytes > 0) layout.scale_offset = end;
  layout.bytes = end + layout.scale_row_bytes * layout.rows;
  return layout;
}

void RepackQuants(const WeightLayout& layout, uint32_t subgroup, RowTile rows, std::byte* out) {
  std::memset(out, 0, layout.quant_row_bytes * layout.tile_rows);
  const uint32_t parts = PartsOf(layout.type);
  const bool interleaved = layout.order == RowOrder::kInterleaved;
  for (uint32_t r = 0; r < layout.tile_rows && rows[r] != nullptr; ++r) {
    for (uint32_t unit = 0; unit < layout.units; ++unit) {
      const uint32_t chunk = unit / subgroup * subgroup, n = std::min(subgroup, layout.units - chunk);
      for (uint32_t part = 0; part < parts; ++part) {
        const uint64_t at = interleaved ? (uint64_t{unit} * parts + part) * layout.tile_rows + r
                                        : (uint64_t{r} * layout.units + chunk) * parts + part * n + unit - chunk;
        PackPart(layout, rows[r], unit, part, out + at * 16);
      }
    }
  }
}

void RepackHigh(const WeightLayout& layout, RowTile rows, std::byte* out) {
  std::memset(out, 0, layout.high_row_bytes * layout.tile_rows);
  for (uint32_t r = 0; r < layout.tile_rows && rows[r] != nullptr; ++r) {
    for (uint32_t unit = 0; unit < layout.units; ++unit) {
      const uint32_t h = unit % 8 / 4, j = unit % 4;
      const uint8_t* qh = rows[r] + unit / 8 * 210 + 128 + 32 * h;
      const uint64_t at = layout.order == RowOrder::kInterleaved ? (unit / 2 * layout.tile_rows + r) * 16 + unit % 2 * 8
                                                                 : r * layout.high_row_bytes + unit * 8;
      for (uint32_t i = 0; i < kUnit; ++i) {
        const uint8_t top = (qh[i] >> 2 * j) & 3;
        out[at + i / 16 * 4 + i % 4] |= std::byte(top << 2 * (i % 16 / 4));
      }
    }
  }
}

void RepackScales(const WeightLayout& layout, RowTile rows, std::byte* out) {
  std::memset(out, 0, layout.scale_row_bytes * layout.tile_rows);
  const bool interleaved = layout.order == RowOrder::kInterleaved;
  for (uint32_t r = 0; r < layout.tile_rows && rows[r] != nullptr; ++r) {
    for (uint32_t unit = 0; unit < layout.units; ++unit) {
      const uint32_t block = unit / 8, j = unit % 8;
      const uint32_t in_four = (r / 4 * layout.units + unit) * 4 + r % 4;   // of consecutive rows
      if (layout.type == TensorType::kQ4_K) {
        const uint32_t at = interleaved ? block * layout.tile_rows + r : r * layout.units / 8 + block;
        if (j == 0) PackQ4kScales(rows[r] + block * 144, out + at * 16);
      } else if (layout.type == TensorType::kQ6_K) {
        const uint8_t* from = rows[r] + block * 210;
        std::memcpy(out + (interleaved ? (2 * block * layout.tile_rows + r) * 16 + 2 * j : in_four * 4), from + 192 + 2 * j, 2);
        std::memcpy(out + (interleaved ? ((2 * block + 1) * layout.tile_rows + r) * 16 : in_four * 4 + 2), from + 208, 2);
      } else {
        std::memcpy(out + (interleaved ? (block * layout.tile_rows + r) * 16 + 2 * j : in_four * 2),
                    rows[r] + unit * (layout.type == TensorType::kQ4_0 ? 18 : 34), 2);
      }
    }
  }
}

}  // namespace hekla::engine
