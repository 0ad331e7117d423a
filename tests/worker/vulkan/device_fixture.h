// A device for the tests of this folder: whatever `auto` takes here. HEKLA_TEST_DEVICE=N takes vulkan:N.
#ifndef HEKLA_TESTS_WORKER_VULKAN_DEVICE_FIXTURE_H_
#define HEKLA_TESTS_WORKER_VULKAN_DEVICE_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "worker/vulkan/device.h"
#include "worker/vulkan/memory.h"
#include "worker/vulkan/recorder.h"
#include "worker/vulkan/timeline.h"

namespace hekla::vulkan {

class DeviceFixture : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const char* index = std::getenv("HEKLA_TEST_DEVICE");
    auto made = Device::Create(index == nullptr ? -1 : std::atoi(index));
    ASSERT_TRUE(made.ok()) << made.status();
    device_ = std::move(*made);
  }
  static void TearDownTestSuite() { device_.reset(); }

  void SetUp() override {
    ASSERT_NE(device_, nullptr);
    auto pool = device_->get().createCommandPoolUnique({{}, device_->compute_family()});
    ASSERT_EQ(pool.result, vk::Result::eSuccess);
    pool_ = std::move(pool.value);
    auto timeline = Timeline::Create(device_.get());
    ASSERT_TRUE(timeline.ok()) << timeline.status();
    timeline_ = std::move(*timeline);
  }

  static BufferRange Take(Arena& arena, uint64_t bytes) {
    auto range = arena.Allocate(bytes);
    EXPECT_TRUE(range.ok()) << range.status();
    return range.ok() ? *range : BufferRange();
  }
  std::unique_ptr<Recorder> NewRecorder() {
    auto recorder = Recorder::Create(device_.get(), *pool_);
    EXPECT_TRUE(recorder.ok()) << recorder.status();
    return std::move(*recorder);
  }
  // Ends the recording, submits it `times` times and waits.
  void Run(Recorder& recorder, int times = 1) {
    ASSERT_TRUE(recorder.End().ok());
    uint64_t last = 0;
    for (int i = 0; i < times; ++i) {
      auto value = timeline_->Submit(device_->compute_queue(), {recorder.commands()});
      ASSERT_TRUE(value.ok()) << value.status();
      last = *value;
    }
    const absl::Status done = timeline_->Wait(last, absl::Seconds(60));
    ASSERT_TRUE(done.ok()) << done;
  }
  // The range's bytes as the device has them.
  std::vector<uint8_t> ReadBack(const BufferRange& range) {
    Arena arena(device_.get(), MemoryKind::kReadback, 1 << 20);
    const BufferRange host = Take(arena, range.bytes);
    auto recorder = NewRecorder();
    recorder->Copy(range, host);
    Run(*recorder);
    std::vector<uint8_t> bytes(range.bytes);
    std::memcpy(bytes.data(), host.mapped, bytes.size());
    return bytes;
  }

  static inline std::unique_ptr<Device> device_;
  vk::UniqueCommandPool pool_;
  std::unique_ptr<Timeline> timeline_;
};

}  // namespace hekla::vulkan

#endif  // HEKLA_TESTS_WORKER_VULKAN_DEVICE_FIXTURE_H_
