// Moves host data to device memory through pinned staging: several chunks in flight on the transfer queue, filled by several threads
// while earlier ones are copied. The caller's fill functions write straight into staging, so repacking costs no extra pass.
#ifndef HEKLA_WORKER_VULKAN_UPLOADER_H_
#define HEKLA_WORKER_VULKAN_UPLOADER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/vulkan/memory.h"
#include "worker/vulkan/timeline.h"

namespace hekla::vulkan {

class Uploader {
 public:
  static absl::StatusOr<std::unique_ptr<Uploader>> Create(const Device* device, uint64_t chunk_bytes = uint64_t{32} << 20, int chunks = 3);
  ~Uploader();

  // Fills [0, bytes) of `target`: fill(offset, bytes, out) is called for pieces of at most chunk_bytes, in order, and must write all of
  // `out`; it may use threads of its own. Returns before the last copies are done.
  absl::Status Upload(const BufferRange& target, uint64_t bytes,
                      const std::function<void(uint64_t offset, uint64_t bytes, std::byte* out)>& fill);
  // As above for plain bytes.
  absl::Status Upload(const BufferRange& target, const void* data, uint64_t bytes);
  // Until every copy is done and visible to later submissions on any queue.
  absl::Status Finish();

  uint64_t chunk_bytes() const { return chunk_bytes_; }

 private:
  struct Chunk {
    BufferRange staging;
    vk::UniqueCommandBuffer commands;
    uint64_t in_flight = 0;   // timeline value, 0 = free
  };
  Uploader(const Device* device, uint64_t chunk_bytes) : device_(device), arena_(device, MemoryKind::kUpload), chunk_bytes_(chunk_bytes) {}

  const Device* device_;
  Arena arena_;
  uint64_t chunk_bytes_;
  vk::UniqueCommandPool pool_;
  std::unique_ptr<Timeline> timeline_;
  std::vector<Chunk> chunks_;
  size_t next_ = 0;
};

}  // namespace hekla::vulkan

#endif  // HEKLA_WORKER_VULKAN_UPLOADER_H_
