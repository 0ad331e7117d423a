#include "worker/vulkan/timeline.h"

#include <utility>

#include "worker/base/status_macros.h"

namespace hekla::vulkan {

absl::StatusOr<std::unique_ptr<Timeline>> Timeline::Create(const Device* device) {
  auto timeline = std::unique_ptr<Timeline>(new Timeline(device));
  const vk::SemaphoreTypeCreateInfo type(vk::SemaphoreType::eTimeline, 0);
  auto made = device->get().createSemaphoreUnique(vk::SemaphoreCreateInfo({}, &type));
  HEKLA_RETURN_IF_ERROR(Check(made.result, "creating a timeline semaphore"));
  timeline->semaphore_ = std::move(made.value);
  return timeline;
}

absl::StatusOr<uint64_t> Timeline::Submit(vk::Queue queue, absl::Span<const vk::CommandBuffer> commands) {
  const uint64_t value = last_ + 1;
  const vk::TimelineSemaphoreSubmitInfo timeline({}, value);
  vk::SubmitInfo info;
  info.setPNext(&timeline)
      .setCommandBufferCount(static_cast<uint32_t>(commands.size()))
      .setPCommandBuffers(commands.data())
      .setSignalSemaphores(*semaphore_);
  HEKLA_RETURN_IF_ERROR(Check(queue.submit(info), "submitting"));
  last_ = value;
  return value;
}

absl::Status Timeline::Wait(uint64_t value, absl::Duration limit) const {
  const vk::SemaphoreWaitInfo info({}, *semaphore_, value);
  return Check(device_->get().waitSemaphores(info, static_cast<uint64_t>(absl::ToInt64Nanoseconds(limit))), "waiting for the device");
}

}  // namespace hekla::vulkan
