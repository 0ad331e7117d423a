#include "worker/vulkan/launch_timer.h"

#include "absl/time/clock.h"
#include "tests/worker/vulkan/device_fixture.h"

namespace hekla::vulkan {
namespace {

class LaunchTimerTest : public DeviceFixture {};

// Times are not predictable; what holds always is their number, their sign and that they add up to no more than passed outside.
TEST_F(LaunchTimerTest, TimesEachLaunchWithinTheSubmission) {
  Arena arena(device_.get(), MemoryKind::kDevice, 2 << 20);
  const BufferRange source = Take(arena, 1 << 20), sum = Take(arena, 4096);
  KernelCache cache(device_.get());
  LaunchMaker maker(device_.get());
  using Arguments = kernels::ReadBufferArguments<BufferRange>;
  const auto pipeline = cache.Get(Arguments::kId, {});
  ASSERT_TRUE(pipeline.ok()) << pipeline.status();
  const auto launch = maker.Make(*pipeline, Arguments{source, sum}, {(1 << 20) / 16});
  ASSERT_TRUE(launch.ok()) << launch.status();
  const auto timer = LaunchTimer::Create(device_.get(), 3);
  ASSERT_TRUE(timer.ok()) << timer.status();
  auto recorder = Recorder::Create(device_.get(), *pool_, timer->get());
  ASSERT_TRUE(recorder.ok()) << recorder.status();
  for (int i = 0; i < 3; ++i) (*recorder)->Add(*launch, {4, 1, 1});
  const absl::Time start = absl::Now();
  Run(**recorder);
  const double wall_us = absl::ToDoubleMicroseconds(absl::Now() - start);
  const auto us = (*timer)->Read();
  ASSERT_TRUE(us.ok()) << us.status();
  ASSERT_EQ(us->size(), 3u);
  double all = 0;
  for (const double each : *us) EXPECT_GT(each, 0), all += each;
  EXPECT_LE(all, wall_us);
}

}  // namespace
}  // namespace hekla::vulkan
