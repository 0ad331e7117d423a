// Weights in the order that the matvec kernels read (kernels/common/quant.glsl), from GGUF blocks. The size stays that of the file, but
// for Q6_K (+6.7 %: a 4-byte scale a unit) and for padding rows.
//
// A row is cut into units of 32 weights; units are taken in chunks of `subgroup`, one a lane. Planes of a matrix, one after the other,
// each aligned to 16 bytes:
//   quants  [row][chunk][part][unit of chunk] 16 bytes. Part q of a unit: F32 weights 4q.., F16/BF16 8q.., Q8_0 16q..;
//           4-bit types: dword j holds weights 8j..8j+3 in the low nibbles of its bytes, 8j+4..8j+7 in the high ones
//   high    Q6_K: [row][unit] 8 bytes, dword h byte b bits 2f, 2f+1: the upper bits of weight 16h + 4f + b
//   scales  Q4_0, Q8_0: [row / 4][unit][row % 4] f16.  Q6_K: [row / 4][unit][row % 4] {i8 scale of weights 0..15, i8 of 16..31, f16 d}.
//           Q4_K: [row][unit / 8] {f16 d, f16 dmin, u8 low[8], u32 high}: scale | minimum << 6 of unit j is low[j] | nibble j of high << 8
#ifndef HEKLA_WORKER_ENGINE_REPACK_H_
#define HEKLA_WORKER_ENGINE_REPACK_H_

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"
#include "worker/model/gguf.h"

namespace hekla::engine {

kernels::Quant QuantOf(model::TensorType type);

struct WeightLayout {
  model::TensorType type = model::TensorType::kF32;
  uint32_t columns = 0, units = 0;      // units = columns / 32, rounded up
  uint32_t rows = 0;                    // padded to kernels::kRowPadding
  uint64_t quant_row_bytes = 0;
  uint64_t high_offset = 0, high_row_bytes = 0;       // bytes; 0 row bytes = no such plane
  uint64_t scale_offset = 0, scale_row_bytes = 0;     // of one row; interleaved types write four rows together
  uint64_t bytes = 0;

  uint32_t high_base() const { return static_cast<uint32_t>(high_offset / 8); }     // in uvec2
  uint32_t scale_base() const;                        // in the kernel's unit for this type
};

WeightLayout LayoutOf(model::TensorType type, uint32_t rows, uint32_t columns);

// One row of the file, or nullptr for a padding row (zeros), into the three planes; the pointers are those of the row itself.
void RepackQuants(const WeightLayout& layout, uint32_t subgroup, const uint8_t* row, std::byte* out);
void RepackHigh(const WeightLayout& layout, const uint8_t* row, std::byte* out);
// Rows 4t .. 4t + 3 together; out is the tile's first byte.
void RepackScales(const WeightLayout& layout, const uint8_t* const rows[4], std::byte* out);

}  // namespace hekla::engine

#endif  // HEKLA_WORKER_ENGINE_REPACK_H_
