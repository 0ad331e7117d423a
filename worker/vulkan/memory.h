// Device memory. An Arena takes large blocks from the driver, within maxMemoryAllocationSize, and hands out buffers from them; it frees
// everything at once when it dies. Each range is a VkBuffer of its own, so that validation sees hazards between neighbours.
//
// Thread rule: one thread. Lifetime: the Device outlives its arenas.
#ifndef HEKLA_WORKER_VULKAN_MEMORY_H_
#define HEKLA_WORKER_VULKAN_MEMORY_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/vulkan/device.h"

namespace hekla::vulkan {

enum class MemoryKind {
  kDevice,     // device-local
  kUpload,     // the host writes, the device reads; coherent
  kReadback,   // the device writes, the host reads; cached where the device has such a type, coherent
};

// A buffer, or an aligned part of one that a kernel binds.
struct BufferRange {
  vk::Buffer buffer;
  uint64_t offset = 0;     // bytes
  uint64_t bytes = 0;
  std::byte* mapped = nullptr;   // host memory of the range; nullptr for kDevice

  BufferRange Part(uint64_t part_offset, uint64_t part_bytes) const {
    return {buffer, offset + part_offset, part_bytes, mapped == nullptr ? nullptr : mapped + part_offset};
  }
};

class Arena {
 public:
  Arena(const Device* device, MemoryKind kind, uint64_t block_bytes = uint64_t{256} << 20)
      : device_(device), kind_(kind), block_bytes_(block_bytes) {}
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // `bytes` > 0, rounded up to the binding alignment. RESOURCE_EXHAUSTED names bytes and limit.
  absl::StatusOr<BufferRange> Allocate(uint64_t bytes);
  uint64_t allocated_bytes() const { return allocated_bytes_; }   // taken from the driver

 private:
  struct Block {
    vk::DeviceMemory memory;
    uint64_t bytes = 0, used = 0;
    std::byte* mapped = nullptr;
  };
  absl::StatusOr<Block*> NewBlock(uint64_t bytes, uint32_t type_bits);

  const Device* device_;
  MemoryKind kind_;
  uint64_t block_bytes_;
  uint64_t allocated_bytes_ = 0;
  std::vector<Block> blocks_;
  std::vector<vk::Buffer> buffers_;
};

}  // namespace hekla::vulkan

#endif  // HEKLA_WORKER_VULKAN_MEMORY_H_
