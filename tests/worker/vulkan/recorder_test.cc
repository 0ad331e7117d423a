#include "worker/vulkan/recorder.h"

#include <algorithm>

#include "tests/worker/vulkan/device_fixture.h"

namespace hekla::vulkan {
namespace {

using kernels::ReadBufferArguments;

class RecorderTest : public DeviceFixture {
 protected:
  void SetUp() override {
    DeviceFixture::SetUp();
    arena_ = std::make_unique<Arena>(device_.get(), MemoryKind::kDevice, 1 << 20);
    for (BufferRange* range : {&a_, &b_, &c_}) *range = Take(*arena_, kBytes);
  }

  static constexpr uint64_t kBytes = 4096;
  std::unique_ptr<Arena> arena_;
  BufferRange a_, b_, c_;
};

TEST_F(RecorderTest, BarriersStandWhereAnOrderMatters) {
  struct Case {
    const char* what;
    std::vector<std::pair<BufferRange, BufferRange>> copies;
    int barriers;
  };
  const BufferRange left = a_.Part(0, 2048), right = a_.Part(2048, 2048);
  const std::vector<Case> cases = {
      {"two reads of one buffer", {{a_, b_}, {a_, c_}}, 0},
      {"read after write", {{a_, b_}, {b_, c_}}, 1},
      {"write after read", {{a_, b_}, {c_, a_}}, 1},
      {"write after write", {{a_, c_}, {b_, c_}}, 1},
      {"parts that do not touch", {{left, b_}, {c_, right}}, 0},
      {"parts that overlap by one word", {{a_.Part(0, 2052), b_}, {c_, right}}, 1},
      {"a barrier covers all before it", {{a_, b_}, {b_, c_}, {b_, a_}}, 1},
      {"a chain", {{a_, b_}, {b_, c_}, {c_, a_}, {a_, b_}}, 3},
  };
  for (const Case& each : cases) {
    auto recorder = NewRecorder();
    for (const auto& [from, to] : each.copies) recorder->Copy(from, to);
    EXPECT_EQ(recorder->barriers(), each.barriers) << each.what;
    Run(*recorder);
  }
}

TEST_F(RecorderTest, ChainsMoveTheBytes) {
  auto recorder = NewRecorder();
  recorder->Fill(a_, 0x11223344);
  recorder->Fill(c_, 0x55667788);
  recorder->Copy(a_, b_);
  recorder->Copy(b_.Part(0, 1024), c_.Part(512, 1024));
  Run(*recorder);
  const std::vector<uint8_t> got = ReadBack(c_);
  for (size_t i = 0; i < got.size(); ++i) {
    const uint32_t word = i >= 512 && i < 1536 ? 0x11223344 : 0x55667788;
    ASSERT_EQ(got[i], static_cast<uint8_t>(word >> 8 * (i % 4))) << "byte " << i;
  }
}

// A recording is submitted for ever: here each submission moves the bytes one place on, a -> b -> c -> a.
TEST_F(RecorderTest, ResubmissionsRunInOrder) {
  auto fill = NewRecorder();
  fill->Fill(a_, 1), fill->Fill(b_, 2), fill->Fill(c_, 3);
  Run(*fill);
  const BufferRange spare = Take(*arena_, kBytes);
  auto rotate = NewRecorder();
  rotate->Copy(c_, spare), rotate->Copy(b_, c_), rotate->Copy(a_, b_), rotate->Copy(spare, a_);
  Run(*rotate, 4);  // as one rotation
  EXPECT_EQ(ReadBack(a_)[0], 3);
  EXPECT_EQ(ReadBack(b_)[0], 1);
  EXPECT_EQ(ReadBack(c_)[0], 2);
}

TEST_F(RecorderTest, LaunchesConflictByWhatTheirKernelDeclares) {
  KernelCache kernels(device_.get());
  LaunchMaker launches(device_.get());
  using Arguments = ReadBufferArguments<BufferRange>;  // reads the first, writes the second
  const auto pipeline = kernels.Get(Arguments::kId, {});
  ASSERT_TRUE(pipeline.ok()) << pipeline.status();
  const auto a_to_b = launches.Make(*pipeline, Arguments{a_, b_}, {kBytes / 16});
  const auto a_to_c = launches.Make(*pipeline, Arguments{a_, c_}, {kBytes / 16});
  const auto b_to_c = launches.Make(*pipeline, Arguments{b_, c_}, {kBytes / 16});
  ASSERT_TRUE(a_to_b.ok() && a_to_c.ok() && b_to_c.ok());
  auto recorder = NewRecorder();
  recorder->Fill(a_, 0);
  recorder->Add(*a_to_b, {1, 1, 1});  // waits for the fill
  EXPECT_EQ(recorder->barriers(), 1);
  recorder->Add(*a_to_c, {1, 1, 1});
  EXPECT_EQ(recorder->barriers(), 1);
  recorder->Add(*b_to_c, {1, 1, 1});
  EXPECT_EQ(recorder->barriers(), 2);
  EXPECT_EQ(recorder->launches(), 3);
  Run(*recorder);
}

TEST_F(RecorderTest, PipelinesAreMadeOnceASpecialization) {
  KernelCache kernels(device_.get());
  Specialization four, two;
  four.rows = 4;
  two.rows = 2;
  const auto first = kernels.Get(kernels::Kernel::kMatvecStore_Q8_0, four);
  const auto again = kernels.Get(kernels::Kernel::kMatvecStore_Q8_0, four);
  const auto other = kernels.Get(kernels::Kernel::kMatvecStore_Q8_0, two);
  const auto type = kernels.Get(kernels::Kernel::kMatvecStore_F16, four);
  ASSERT_TRUE(first.ok() && again.ok() && other.ok() && type.ok());
  EXPECT_EQ(*first, *again);
  EXPECT_NE(*first, *other);
  EXPECT_NE(*first, *type);
  EXPECT_EQ(kernels.size(), 3);
}

TEST_F(RecorderTest, TimelineCountsSubmissionsAndWaitsWithALimit) {
  auto recorder = NewRecorder();
  recorder->Fill(a_, 9);
  ASSERT_TRUE(recorder->End().ok());
  uint64_t before = 0;
  for (int i = 0; i < 5; ++i) {
    const auto value = timeline_->Submit(device_->compute_queue(), {recorder->commands()});
    ASSERT_TRUE(value.ok()) << value.status();
    EXPECT_EQ(*value, before + 1);
    before = *value;
  }
  EXPECT_TRUE(timeline_->Wait(before, absl::Seconds(60)).ok());
  EXPECT_TRUE(timeline_->Wait(1, absl::ZeroDuration()).ok());
  EXPECT_EQ(timeline_->Wait(before + 1, absl::Milliseconds(1)).code(), absl::StatusCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace hekla::vulkan
