// A device's timeline semaphore: submissions signal 1, 2, 3, ...; the host waits for a value with a limit.
#ifndef HEKLA_WORKER_VULKAN_TIMELINE_H_
#define HEKLA_WORKER_VULKAN_TIMELINE_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "worker/vulkan/device.h"

namespace hekla::vulkan {

class Timeline {
 public:
  static absl::StatusOr<std::unique_ptr<Timeline>> Create(const Device* device);

  // Submits to `queue` and returns the value that its end signals. It waits on nothing: order within a queue is by barriers.
  absl::StatusOr<uint64_t> Submit(vk::Queue queue, absl::Span<const vk::CommandBuffer> commands);

  // DEADLINE_EXCEEDED after `limit`, UNAVAILABLE when the device is lost.
  absl::Status Wait(uint64_t value, absl::Duration limit) const;

 private:
  explicit Timeline(const Device* device) : device_(device) {}

  const Device* device_;
  vk::UniqueSemaphore semaphore_;
  uint64_t last_ = 0;
};

}  // namespace hekla::vulkan

#endif  // HEKLA_WORKER_VULKAN_TIMELINE_H_
