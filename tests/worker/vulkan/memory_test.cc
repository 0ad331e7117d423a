#include "worker/vulkan/memory.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "tests/worker/vulkan/device_fixture.h"

namespace hekla::vulkan {
namespace {

using testing::HasSubstr;

using MemoryTest = DeviceFixture;

TEST_F(MemoryTest, RangesAreAlignedAndLargeEnough) {
  for (const MemoryKind kind : {MemoryKind::kDevice, MemoryKind::kUpload, MemoryKind::kReadback}) {
    Arena arena(device_.get(), kind, 1 << 16);
    for (const uint64_t bytes : {1, 3, 17, 255, 4097, 70001}) {
      const BufferRange range = Take(arena, bytes);
      EXPECT_TRUE(range.buffer);
      EXPECT_GE(range.bytes, bytes);
      EXPECT_EQ(range.offset % device_->limits().storage_alignment, 0u);
      EXPECT_EQ(range.mapped != nullptr, kind != MemoryKind::kDevice);
    }
  }
}

TEST_F(MemoryTest, RangesDoNotOverlap) {
  Arena arena(device_.get(), MemoryKind::kUpload, 1 << 16);
  std::vector<BufferRange> ranges;
  for (int i = 0; i < 40; ++i) {
    ranges.push_back(Take(arena, 3001 + 37 * i));
    std::memset(ranges.back().mapped, i, ranges.back().bytes);
  }
  for (int i = 0; i < 40; ++i) {
    for (uint64_t k = 0; k < ranges[i].bytes; ++k) {
      ASSERT_EQ(static_cast<int>(ranges[i].mapped[k]), i) << "byte " << k << " of range " << i;
    }
  }
}

TEST_F(MemoryTest, TakesBlocksAsTheyAreNeeded) {
  Arena arena(device_.get(), MemoryKind::kDevice, 1 << 20);
  EXPECT_EQ(arena.allocated_bytes(), 0u);
  Take(arena, 1000);
  const uint64_t one = arena.allocated_bytes();
  EXPECT_GE(one, 1000u);
  Take(arena, 1000);
  EXPECT_EQ(arena.allocated_bytes(), one);
  Take(arena, (1 << 20) - 512);  // no room beside the two
  EXPECT_GT(arena.allocated_bytes(), one);
  const uint64_t two = arena.allocated_bytes();
  Take(arena, 3 << 20);  // larger than a block
  EXPECT_GE(arena.allocated_bytes(), two + (3 << 20));
}

TEST_F(MemoryTest, TooMuchNamesBytesAndLimit) {
  Arena arena(device_.get(), MemoryKind::kDevice);
  const uint64_t bytes = device_->limits().max_allocation + 4096;
  const auto range = arena.Allocate(bytes);
  ASSERT_EQ(range.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(range.status().message()),
              HasSubstr(absl::StrCat(device_->limits().max_allocation)));
}

TEST_F(MemoryTest, PartsAreWithin) {
  Arena arena(device_.get(), MemoryKind::kUpload, 1 << 16);
  const BufferRange whole = Take(arena, 4096);
  const BufferRange part = whole.Part(1024, 512);
  EXPECT_EQ(part.buffer, whole.buffer);
  EXPECT_EQ(part.offset, whole.offset + 1024);
  EXPECT_EQ(part.bytes, 512u);
  EXPECT_EQ(part.mapped, whole.mapped + 1024);
  Arena device_arena(device_.get(), MemoryKind::kDevice, 1 << 16);
  EXPECT_EQ(Take(device_arena, 4096).Part(1024, 512).mapped, nullptr);
}

}  // namespace
}  // namespace hekla::vulkan
