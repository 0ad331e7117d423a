#include "worker/vulkan/launch_timer.h"

#include "absl/strings/str_cat.h"
#include "worker/base/check.h"
#include "worker/base/status_macros.h"

namespace hekla::vulkan {

absl::StatusOr<std::unique_ptr<LaunchTimer>> LaunchTimer::Create(const Device* device, uint32_t max_launches) {
  if (device->physical().getQueueFamilyProperties()[device->compute_family()].timestampValidBits == 0) {
    return absl::FailedPreconditionError(absl::StrCat(device->name(), ": the compute queue has no timestamps"));
  }
  auto timer = std::unique_ptr<LaunchTimer>(new LaunchTimer(device));
  timer->capacity_ = max_launches + 1;
  timer->us_per_tick_ = device->physical().getProperties().limits.timestampPeriod / 1e3;
  auto pool = device->get().createQueryPoolUnique({{}, vk::QueryType::eTimestamp, timer->capacity_});
  HEKLA_RETURN_IF_ERROR(Check(pool.result, "creating a query pool"));
  timer->pool_ = std::move(pool.value);
  return timer;
}

void LaunchTimer::RecordStart(vk::CommandBuffer commands) {
  commands.resetQueryPool(*pool_, 0, capacity_);
  recorded_ = 0;
  RecordEnd(commands);
}

void LaunchTimer::RecordEnd(vk::CommandBuffer commands) {
  HEKLA_CHECK(recorded_ < capacity_, "more launches than timestamps");
  commands.writeTimestamp(vk::PipelineStageFlagBits::eBottomOfPipe, *pool_, recorded_++);
}

absl::StatusOr<std::vector<double>> LaunchTimer::Read() const {
  std::vector<uint64_t> ticks(recorded_);
  const vk::Result result =
      device_->get().getQueryPoolResults(*pool_, 0, recorded_, ticks.size() * sizeof(uint64_t), ticks.data(), sizeof(uint64_t),
                                         vk::QueryResultFlagBits::e64 | vk::QueryResultFlagBits::eWait);
  HEKLA_RETURN_IF_ERROR(Check(result, "reading timestamps"));
  std::vector<double> us;
  for (uint32_t i = 1; i < recorded_; ++i) us.push_back(static_cast<double>(ticks[i] - ticks[i - 1]) * us_per_tick_);
  return us;
}

}  // namespace hekla::vulkan
