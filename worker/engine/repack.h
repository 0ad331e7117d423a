// Weights in the order that the matvec kernels read (kernels/common/quant.glsl), from GGUF blocks. The size stays that of the file, but
// for Q6_K (+6.7 %: 4 bytes of scale a unit) and for padding rows.
//
// A row is cut into units of 32 weights. A matrix is three planes, one after the other, each aligned to 16 bytes:
//   quants  16 bytes a part. Part q of a unit: F32 weights 4q.., F16/BF16 8q.., Q8_0 16q..;
//           4-bit types: dword j holds weights 8j..8j+3 in the low nibbles of its bytes, 8j+4..8j+7 in the high ones
//   high    Q6_K: 8 bytes a unit, dword h byte b bits 2f, 2f+1: the upper bits of weight 16h + 4f + b
//   scales  f16 a unit (Q4_0, Q8_0); {i8 of weights 0..15, i8 of 16..31, f16 d} a unit (Q6_K); a 16-byte block of eight units (Q4_K):
//           {f16 d, f16 dmin, u8 low[8], u32 high}: scale | minimum << 6 of unit j is low[j] | nibble j of high << 8
//
// RowOrder::kConsecutive, for lanes along a row; units are taken in chunks of `subgroup`, one a lane:
//   quants  [row][chunk][part][unit of chunk]     high  [row][unit]
//   scales  Q4_0, Q8_0, Q6_K: [row / 4][unit][row % 4].  Q4_K: [row][unit / 8]
// RowOrder::kInterleaved, for lanes across rows, in texels of 16 bytes; r = row % 32, tile = row / 32 (kernels::kInterleaved):
//   quants  [tile][unit][part][r]                 high  [tile][unit / 2][r][unit % 2]
//   scales  Q4_0, Q8_0: [tile][unit / 8][r][unit % 8], units padded to 8.  Q4_K: [tile][unit / 8][r].
//           Q6_K: [tile][unit / 8][2][r]: first a texel {i8 scales of eight units, two each}, then a texel with f16 d
#ifndef HEKLA_WORKER_ENGINE_REPACK_H_
#define HEKLA_WORKER_ENGINE_REPACK_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "kernels/kernels.h"
#include "worker/model/gguf.h"

namespace hekla::engine {

kernels::Quant QuantOf(model::TensorType type);

enum class RowOrder { kConsecutive, kInterleaved };

struct WeightLayout {
  model::TensorType type = model::TensorType::kF32;
  RowOrder order = RowOrder::kConsecutive;
  uint32_t columns = 0, units = 0;      // units = columns / 32, rounded up
  uint32_t tile_rows = 0;               // rows that stand together: kernels::kRowPadding or kInterleaved
  uint32_t rows = 0;                    // padded to whole tiles
  uint64_t quant_row_bytes = 0;
  uint64_t high_offset = 0, high_row_bytes = 0;       // bytes; 0 row bytes = no such plane
  uint64_t scale_offset = 0, scale_row_bytes = 0;
  uint64_t bytes = 0;

  // Where the planes start, in the kernels' units: uvec2 and uvec4 of consecutive rows, texels of interleaved ones.
  uint32_t high_base() const;
  uint32_t scale_base() const;
};

WeightLayout LayoutOf(RowOrder order, model::TensorType type, uint32_t rows, uint32_t columns);

// The tile_rows rows of a tile as they are in the file, nullptr for padding rows (zeros).
using RowTile = absl::Span<const uint8_t* const>;

// A tile into the three planes; `out` is the tile's first byte in the plane.
void RepackQuants(const WeightLayout& layout, uint32_t subgroup, RowTile rows, std::byte* out);
void RepackHigh(const WeightLayout& layout, RowTile rows, std::byte* out);
void RepackScales(const WeightLayout& layout, RowTile rows, std::byte* out);

}  // namespace hekla::engine

#endif  // HEKLA_WORKER_ENGINE_REPACK_H_
