#include "worker/vulkan/device.h"

#include <gmock/gmock.h>

#include "tests/worker/vulkan/device_fixture.h"
#include "worker/vulkan/bandwidth_probe.h"

namespace hekla::vulkan {
namespace {

using testing::HasSubstr;

using DeviceTest = DeviceFixture;

TEST_F(DeviceTest, IsOneOfTheList) {
  const auto list = Device::List();
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_FALSE(list->empty());
  bool found = false;
  for (size_t i = 0; i < list->size(); ++i) {
    const DeviceSummary& each = (*list)[i];
    EXPECT_EQ(each.index, static_cast<int>(i));
    EXPECT_GT(each.memory_bytes, 0u);
    found |= each.name == device_->name() && each.refusal.empty();
  }
  EXPECT_TRUE(found) << device_->name();
}

TEST_F(DeviceTest, EveryUsableOneOfTheListOpens) {
  const auto list = Device::List();
  ASSERT_TRUE(list.ok()) << list.status();
  for (const DeviceSummary& each : *list) {
    const auto made = Device::Create(each.index);
    if (each.refusal.empty()) {
      ASSERT_TRUE(made.ok()) << made.status();
      EXPECT_EQ((*made)->name(), each.name);
    } else {
      EXPECT_EQ(made.status().code(), absl::StatusCode::kFailedPrecondition);
    }
  }
}

TEST_F(DeviceTest, LimitsAreThoseThatKernelsNeed) {
  const DeviceLimits& limits = device_->limits();
  EXPECT_GE(limits.subgroup_size, 4u);
  EXPECT_EQ(limits.subgroup_size & (limits.subgroup_size - 1), 0u);
  EXPECT_GE(limits.max_storage_range, uint64_t{1} << 27);
  EXPECT_GE(limits.max_allocation, uint64_t{1} << 28);
  EXPECT_GE(limits.storage_alignment, 4u);
  EXPECT_GE(limits.shared_memory, 16384u);
  EXPECT_GE(limits.max_workgroup_threads, 128u);
}

TEST_F(DeviceTest, AnIndexThatIsNotThereIsNotFound) {
  const auto made = Device::Create(999);
  EXPECT_EQ(made.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(made.status().message()), HasSubstr("999"));
}

TEST_F(DeviceTest, BandwidthProbeReadsWithinTheMemoryOfThisEarth) {
  const auto bytes_per_second = MeasureReadBandwidth(device_.get(), uint64_t{4} << 20);
  ASSERT_TRUE(bytes_per_second.ok()) << bytes_per_second.status();
  EXPECT_GT(*bytes_per_second, 1e6);
  EXPECT_LT(*bytes_per_second, 1e15);
}

}  // namespace
}  // namespace hekla::vulkan
