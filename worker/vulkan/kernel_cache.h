// Compute pipelines of the kernels, made once per (kernel, specialization). Selection is by type, never by a name.
// Thread rule: one thread.
#ifndef HEKLA_WORKER_VULKAN_KERNEL_CACHE_H_
#define HEKLA_WORKER_VULKAN_KERNEL_CACHE_H_

#include <cstdint>
#include <memory>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kernels/kernels.h"
#include "worker/vulkan/device.h"

namespace hekla::vulkan {

// Values of the constant_ids 0..10 that the kernels share; a kernel ignores those it does not declare.
struct Specialization {
  uint32_t subgroup = 0;         // filled in by the cache
  uint32_t max_rows = 1;
  uint32_t rows = 4;             // rows of a subgroup
  uint32_t columns = 1;          // activation columns of a subgroup
  uint32_t threads = 128;        // of a workgroup
  uint32_t partial_stride = 1;
  uint32_t head_dim = 64;
  uint32_t group = 1;
  uint32_t ahead = 4;            // loads under way in attention
  uint32_t activation_chunk = 32;  // units of a chunk of activations: kernels/common/activation.glsl
  uint32_t split = 1;            // subgroups that share the units of a row

  auto Key() const {
    return std::make_tuple(subgroup, max_rows, rows, columns, threads, partial_stride, head_dim, group, ahead, activation_chunk, split);
  }
};

struct Pipeline {
  const kernels::Entry* entry = nullptr;
  vk::UniqueDescriptorSetLayout set_layout;
  vk::UniquePipelineLayout layout;
  vk::UniquePipeline pipeline;
};

// What a binding with these kernels::Access bits is bound as.
vk::DescriptorType DescriptorTypeOf(uint8_t access);

class KernelCache {
 public:
  explicit KernelCache(const Device* device) : device_(device) {}

  // The pipeline stays where it is for the life of the cache.
  absl::StatusOr<const Pipeline*> Get(kernels::Kernel kernel, Specialization specialization);
  int size() const { return static_cast<int>(pipelines_.size()); }
  uint64_t hits() const { return hits_; }                        // Gets that found their pipeline made
  absl::Duration compile_time() const { return compile_time_; }  // of all pipelines

 private:
  using Key = decltype(std::tuple_cat(std::make_tuple(0), Specialization{}.Key()));
  absl::StatusOr<std::unique_ptr<Pipeline>> Make(const kernels::Entry& entry, const Specialization& specialization) const;

  const Device* device_;
  absl::flat_hash_map<Key, std::unique_ptr<Pipeline>> pipelines_;
  uint64_t hits_ = 0;
  absl::Duration compile_time_;
};

}  // namespace hekla::vulkan

#endif  // HEKLA_WORKER_VULKAN_KERNEL_CACHE_H_
