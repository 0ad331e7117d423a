// Matrices of a plan on a device: repacked, cut into row ranges that fit one storage binding.
// Thread rule: one thread; Add uses several of its own. Lifetime: the plan's file stays open until Add returns.
#ifndef HEKLA_WORKER_ENGINE_DEVICE_WEIGHTS_H_
#define HEKLA_WORKER_ENGINE_DEVICE_WEIGHTS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "worker/engine/repack.h"
#include "worker/model/plan.h"
#include "worker/vulkan/uploader.h"

namespace hekla::engine {

// Rows [row_first, row_first + rows) of a matrix, in one binding.
struct MatrixPart {
  vulkan::BufferRange buffer;
  uint32_t row_first = 0, rows = 0;
  WeightLayout layout;
};

struct DeviceMatrix {
  model::TensorType type = model::TensorType::kF32;
  uint32_t rows = 0, columns = 0, units = 0;
  std::vector<MatrixPart> parts;
  uint64_t bytes() const;            // read by one matvec over all rows
};

class DeviceWeights {
 public:
  using Progress = std::function<void(uint64_t done_bytes, uint64_t total_bytes)>;
  DeviceWeights(const vulkan::Device* device, vulkan::Uploader* uploader, RowOrder order, uint64_t total_bytes, Progress progress)
      : device_(device), uploader_(uploader), order_(order), arena_(device, vulkan::MemoryKind::kDevice, uint64_t{1} << 30),
        total_bytes_(total_bytes), progress_(std::move(progress)) {}

  // `rows[i]` is row i of the matrix as it shall stand on the device: rows of several matrices of one type and width, in any order.
  absl::StatusOr<DeviceMatrix> Add(model::TensorType type, uint32_t columns, const std::vector<const uint8_t*>& rows);
  // One matrix as it is; uploaded once however often it is asked for (tied embeddings).
  absl::StatusOr<DeviceMatrix> Add(const model::Matrix& matrix);
  // f32 values, padded with zeros to a multiple of `multiple`.
  absl::StatusOr<vulkan::BufferRange> AddVector(std::vector<float> values, size_t multiple = kernels::kUnit);

  uint64_t device_bytes() const { return arena_.allocated_bytes(); }

 private:
  absl::Status UploadPart(const MatrixPart& part, const std::vector<const uint8_t*>& rows);

  const vulkan::Device* device_;
  vulkan::Uploader* uploader_;
  RowOrder order_;
  vulkan::Arena arena_;
  uint64_t total_bytes_, done_bytes_ = 0;
  Progress progress_;
  absl::flat_hash_map<const uint8_t*, DeviceMatrix> whole_;   // by first row
};

}  // namespace hekla::engine

#endif  // HEKLA_WORKER_ENGINE_DEVICE_WEIGHTS_H_
