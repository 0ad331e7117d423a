// Device time of the launches of one recording: a timestamp before the first and after each. With it recorded, launches do not overlap.
// Thread rule: one thread. Lifetime: outlives the recordings that use it.
#ifndef HEKLA_WORKER_VULKAN_LAUNCH_TIMER_H_
#define HEKLA_WORKER_VULKAN_LAUNCH_TIMER_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/vulkan/device.h"

namespace hekla::vulkan {

class LaunchTimer {
 public:
  // FAILED_PRECONDITION: the device's compute queue has no timestamps.
  static absl::StatusOr<std::unique_ptr<LaunchTimer>> Create(const Device* device, uint32_t max_launches);

  void RecordStart(vk::CommandBuffer commands);
  void RecordEnd(vk::CommandBuffer commands);   // of one launch
  // Microseconds of each launch, in order; after the submission has ended.
  absl::StatusOr<std::vector<double>> Read() const;

 private:
  explicit LaunchTimer(const Device* device) : device_(device) {}

  const Device* device_;
  vk::UniqueQueryPool pool_;
  uint32_t capacity_ = 0, recorded_ = 0;   // timestamps
  double us_per_tick_ = 0;
};

}  // namespace hekla::vulkan

#endif  // HEKLA_WORKER_VULKAN_LAUNCH_TIMER_H_
