#include "worker/engine/device_weights.h"

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"

namespace hekla::engine {
namespace {

// Calls body(i) for i in [0, count) on several threads; bodies write to places of their own.
void ParallelFor(uint32_t count, const std::function<void(uint32_t)>& body) {
  const uint32_t threads = std::min({count, std::max(1u, std::thread::hardware_concurrency()), 16u});
  if (threads <= 1) {
    for (uint32_t i = 0; i < count; ++i) body(i);
    return;
  }
  std::vector<std::jthread> pool;
  for (uint32_t t = 0; t < threads; ++t) {
    pool.emplace_back([&, t] {
      for (uint64_t i = uint64_t{count} * t / threads; i < uint64_t{count} * (t + 1) / threads; ++i) body(static_cast<uint32_t>(i));
    });
  }
}

}  // namespace

uint64_t DeviceMatrix::bytes() const {
  uint64_t sum = 0;
  for (const MatrixPart& part : parts) sum += part.layout.bytes;
  return sum;
}

absl::Status DeviceWeights::UploadPart(const MatrixPart& part, const std::vector<const uint8_t*>& rows) {
  const WeightLayout& layout = part.layout;
  const uint32_t subgroup = device_->limits().subgroup_size;
  const uint32_t tile_rows = layout.tile_rows;
  // Uploads a plane in pieces of whole tiles, each piece one chunk of staging.
  auto plane = [&](uint64_t offset, uint64_t row_bytes, auto&& pack) -> absl::Status {
    if (row_bytes == 0) return absl::OkStatus();
    const uint32_t most = static_cast<uint32_t>(uploader_->chunk_bytes() / (row_bytes * tile_rows)) * tile_rows;
    if (most == 0)
      return absl::ResourceExhaustedError(
          absl::StrCat(tile_rows, " rows of ", row_bytes, " bytes are more than the staging memory"));
    for (uint32_t first = 0; first < layout.rows; first += most) {
      const uint32_t count = std::min(most, layout.rows - first);
      HEKLA_RETURN_IF_ERROR(uploader_->Upload(
          part.buffer.Part(offset + first * row_bytes, count * row_bytes), count * row_bytes,
          [&](uint64_t, uint64_t, std::byte* out) {
            ParallelFor(count / tile_rows, [&](uint32_t i) {
              const uint8_t* tile[kernels::kInterleaved] = {};
              for (uint32_t r = 0; r < tile_rows; ++r) {
                const uint32_t row = first + i * tile_rows + r;
                tile[r] = row < part.rows ? rows[part.row_first + row] : nullptr;
              }
              pack(RowTile(tile, tile_rows), out + i * tile_rows * row_bytes);
            });
          }));
      done_bytes_ += count * row_bytes;
      if (progress_) progress_(std::min(done_bytes_, total_bytes_), total_bytes_);
    }
    return absl::OkStatus();
  };
  HEKLA_RETURN_IF_ERROR(plane(0, layout.quant_row_bytes, [&](RowTile tile, std::byte* out) {
    RepackQuants(layout, subgroup, tile, out);
  }));
  HEKLA_RETURN_IF_ERROR(plane(layout.high_offset, layout.high_row_bytes,
                              [&](RowTile tile, std::byte* out) { RepackHigh(layout, tile, out); }));
  return plane(layout.scale_offset, layout.scale_row_bytes,
               [&](RowTile tile, std::byte* out) { RepackScales(layout, tile, out); });
}

absl::StatusOr<DeviceMatrix> DeviceWeights::Add(model::TensorType type, uint32_t columns, const std::vector<const uint8_t*>& rows) {
  DeviceMatrix matrix;
  matrix.type = type;
  matrix.rows = static_cast<uint32_t>(rows.size());
  matrix.columns = columns;
  const uint64_t limit = std::min(device_->limits().max_storage_range, device_->limits().max_allocation);
  const WeightLayout tile = LayoutOf(order_, type, 1, columns);
  const uint64_t most = limit / (tile.bytes + 16) * tile.tile_rows;
  if (most == 0)
    return absl::ResourceExhaustedError(
        absl::StrCat(tile.tile_rows, " rows of ", columns, " columns exceed a binding of ", limit, " bytes"));
  matrix.units = tile.units;
  for (uint32_t first = 0; first < matrix.rows; first += most) {
    MatrixPart part;
    part.row_first = first;
    part.rows = static_cast<uint32_t>(std::min<uint64_t>(most, matrix.rows - first));
    part.layout = LayoutOf(order_, type, part.rows, columns);
    HEKLA_ASSIGN_OR_RETURN(part.buffer, arena_.Allocate(part.layout.bytes));
    HEKLA_RETURN_IF_ERROR(UploadPart(part, rows));
    matrix.parts.push_back(part);
  }
  return matrix;
}

absl::StatusOr<DeviceMatrix> DeviceWeights::Add(const model::Matrix& matrix) {
  auto found = whole_.find(matrix.data);
  if (found != whole_.end() && found->second.rows == static_cast<uint32_t>(matrix.rows)) return found->second;
  std::vector<const uint8_t*> rows(matrix.rows);
  for (int r = 0; r < matrix.rows; ++r) rows[r] = matrix.data + r * matrix.row_bytes();
  absl::StatusOr<DeviceMatrix> added = Add(matrix.type, matrix.columns, rows);
  if (!added.ok()) return WithContext(added.status(), absl::StrCat("loading ", matrix.name));
  whole_[matrix.data] = *added;
  return added;
}

absl::StatusOr<vulkan::BufferRange> DeviceWeights::AddVector(std::vector<float> values, size_t multiple) {
  values.resize(std::max<size_t>(1, (values.size() + multiple - 1) / multiple) * multiple);
  HEKLA_ASSIGN_OR_RETURN(vulkan::BufferRange range, arena_.Allocate(values.size() * sizeof(float)));
  HEKLA_RETURN_IF_ERROR(uploader_->Upload(range, values.data(), values.size() * sizeof(float)));
  return range;
}

}  // namespace hekla::engine
