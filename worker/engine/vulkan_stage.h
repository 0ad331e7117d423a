// The layers of a plan on one Vulkan device: weights, buffers, and every op lowered to launches. Record() writes one step of a given
// shape into a command buffer; nothing in it depends on the step's content, so it is recorded once and submitted for ever.
//
// Lowering, dense layer (dependent launches in decode): qkv + RoPE + append (1; 2 with per-head norms) - attention (1) - output +
// residual (1) - gate/up/SwiGLU (1) - down + residual (1). Matrices of different types in one op become several launches without a
// barrier between them. A norm's weight is multiplied in by the op before it, its 1 / rms by the op after it.
#ifndef HEKLA_WORKER_ENGINE_VULKAN_STAGE_H_
#define HEKLA_WORKER_ENGINE_VULKAN_STAGE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "worker/engine/device_weights.h"
#include "worker/engine/stage_buffers.h"
#include "worker/vulkan/recorder.h"

namespace hekla::engine {

// What a recorded step is made for; larger than or equal to what the step holds.
struct StepShape {
  uint32_t rows = 1;       // tokens
  uint32_t splits = 1;     // of the longest context, in kSplit positions
  uint32_t samples = 0;
  bool copy_logits = false;

  auto Key() const { return std::make_tuple(rows, splits, samples, copy_logits); }
};

class VulkanStage {
 public:
  static absl::StatusOr<std::unique_ptr<VulkanStage>> Create(const vulkan::Device* device, const model::Plan& plan, const Limits& limits,
                                                             const DeviceWeights::Progress& progress);

  // `names`, where given, gets a line for each launch: kernel and grid.
  absl::Status Record(const StepShape& shape, vulkan::Recorder* recorder, std::vector<std::string>* names = nullptr);
  uint32_t launches() const { return static_cast<uint32_t>(program_.size()); }   // of a step, at most
  // Fills every device buffer with zeros; once, before the first step.
  void RecordClear(vulkan::Recorder* recorder) const;

  // The smallest shape of the ladder (powers of two) that holds a step.
  StepShape ShapeFor(uint32_t rows, uint32_t context, uint32_t samples, bool copy_logits) const;
  // Shapes that together use every pipeline.
  std::vector<StepShape> WarmUpShapes() const;

  const StageBuffers& buffers() const { return *buffers_; }
  const StepInputLayout& input_layout() const { return input_layout_; }
  uint64_t device_bytes() const { return buffers_->device_bytes() + weights_->device_bytes(); }
  // Weight bytes that a step reads: each matrix once per group of columns.
  uint64_t WeightBytes(uint32_t rows, uint32_t samples) const;
  uint64_t KvBytesPerToken() const { return kv_bytes_per_token_; }
  int pipelines() const { return kernels_.size(); }
  KernelCounts kernel_counts() const {
    return {kernels_.hits(), static_cast<uint64_t>(kernels_.size()), absl::ToDoubleSeconds(kernels_.compile_time())};
  }

 private:
  friend class StageLowering;
  using Range = vulkan::BufferRange;

  // How a launch's grid follows from the shape.
  enum class GridRule { kSingle, kRows, kRowColumns, kSampleColumns, kSamples, kAttention };
  struct Lowered {
    kernels::Kernel kernel;
    GridRule rule = GridRule::kSingle;
    uint32_t work = 1;                          // rows of a matvec; query heads of attention; workgroups in x of the others
    bool pairs = false;                         // rows come in pairs: at least two a subgroup
    uint32_t rows_per_workgroup = 0;            // fixed where the order of sums depends on it; 0 = free
    vulkan::Specialization specialization;
    bool joined = false;                        // one operation with the launch before: no barrier between them
    uint64_t weight_bytes = 0;
    std::function<absl::StatusOr<vulkan::Launch>(const vulkan::Pipeline*)> bind;
    absl::flat_hash_map<uint32_t, vulkan::Launch> by_variant;   // columns of a matvec, heads of an attention workgroup
  };

  VulkanStage(const vulkan::Device* device, const Limits& limits)
      : device_(device), limits_(limits), input_layout_(limits), kernels_(device), launches_(device) {}
  // A processor takes rows on its lanes, a GPU units of a row.
  RowOrder row_order() const { return device_->limits().software ? RowOrder::kInterleaved : RowOrder::kConsecutive; }
  // Columns of a matvec for n live ones.
  uint32_t ColumnsFor(uint32_t n) const;
  uint32_t HeadsPerWorkgroup(const Lowered& lowered, const StepShape& shape) const;
  vulkan::Specialization Specialize(const Lowered& lowered, uint32_t variant) const;
  absl::StatusOr<const vulkan::Launch*> LaunchFor(Lowered& lowered, uint32_t variant);

  const vulkan::Device* device_;
  Limits limits_;
  StepInputLayout input_layout_;
  vulkan::KernelCache kernels_;
  vulkan::LaunchMaker launches_;
  std::unique_ptr<vulkan::Uploader> uploader_;
  std::unique_ptr<DeviceWeights> weights_;
  std::unique_ptr<StageBuffers> buffers_;
  std::vector<Lowered> program_;
  uint64_t kv_bytes_per_token_ = 0;
};

}  // namespace hekla::engine

#endif  // HEKLA_WORKER_ENGINE_VULKAN_STAGE_H_
