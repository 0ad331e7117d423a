// Everything a stage keeps on its device but weights: step state, slots, activations, KV cache, results.
#ifndef HEKLA_WORKER_ENGINE_STAGE_BUFFERS_H_
#define HEKLA_WORKER_ENGINE_STAGE_BUFFERS_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/engine/step_input.h"
#include "worker/model/plan.h"
#include "worker/vulkan/memory.h"

namespace hekla::engine {

// Tokens of a step up to which attention splits long contexts over workgroups; beyond it there is work enough without.
inline constexpr uint32_t kMaxSplitRows = 64;

struct KvLayer {
  vulkan::BufferRange keys, values;
};

class StageBuffers {
 public:
  // RESOURCE_EXHAUSTED names what does not fit and the limit.
  static absl::StatusOr<std::unique_ptr<StageBuffers>> Create(const vulkan::Device* device, const model::Plan& plan, const Limits& limits);

  // Host-visible.
  vulkan::BufferRange input;          // step input ring, kRing entries
  vulkan::BufferRange results;        // kRing x max_samples x kResultWords words
  vulkan::BufferRange logits_copy;    // max_samples x V f32

  // Step and slots (words): see kernels/params.h and kernels/common/step.glsl.
  vulkan::BufferRange step_state, slot_state, history, counter;

  // One row a token of the step, f32.
  vulkan::BufferRange residual;       // [max_rows][E]
  vulkan::BufferRange normed;         // activation [max_rows][E]: x times the weight of the norm that follows
  vulkan::BufferRange queries;        // [max_rows][heads * d]
  vulkan::BufferRange attended;       // activation [max_rows][heads * d]
  vulkan::BufferRange hidden;         // activation [max_rows][F]
  vulkan::BufferRange raw;            // [max_rows][widest unfused matvec output]
  vulkan::BufferRange partials;       // [max_rows][partial_stride] sums of squares
  vulkan::BufferRange logits;         // [max_samples][V]
  vulkan::BufferRange counts;         // [max_samples][V] words, zero between steps
  vulkan::BufferRange split_results;  // [min(max_rows, kMaxSplitRows)][heads][max_splits][d + 2]
  vulkan::BufferRange arrivals;       // [max_rows][heads] words, zero between steps
  vulkan::BufferRange nothing;        // bound where a kernel's argument is not used
  std::vector<KvLayer> kv;            // by layer

  uint32_t partial_stride = 0;
  uint32_t max_splits = 0;
  std::vector<vulkan::BufferRange> device_ranges() const { return device_ranges_; }   // to be filled with zeros at the start
  uint64_t device_bytes() const { return device_arena_.allocated_bytes(); }

 private:
  explicit StageBuffers(const vulkan::Device* device)
      : device_(device), device_arena_(device, vulkan::MemoryKind::kDevice), upload_arena_(device, vulkan::MemoryKind::kUpload, 1 << 20),
        readback_arena_(device, vulkan::MemoryKind::kReadback, 1 << 20) {}
  absl::Status Allocate(const model::Plan& plan, const Limits& limits);
  absl::Status OnDevice(const char* what, uint64_t bytes, vulkan::BufferRange* out);

  const vulkan::Device* device_;
  vulkan::Arena device_arena_, upload_arena_, readback_arena_;
  std::vector<vulkan::BufferRange> device_ranges_;
};

}  // namespace hekla::engine

#endif  // HEKLA_WORKER_ENGINE_STAGE_BUFFERS_H_
