#include "worker/vulkan/uploader.h"

#include <random>

#include "tests/worker/vulkan/device_fixture.h"

namespace hekla::vulkan {
namespace {

using UploaderTest = DeviceFixture;

constexpr uint8_t kGuard = 0xa5;

uint8_t PatternAt(uint64_t offset, uint32_t seed) {
  return static_cast<uint8_t>((offset * 2654435761u + seed) >> 13);
}

TEST_F(UploaderTest, FillsExactlyTheRangeInOrder) {
  constexpr uint64_t kChunk = 4096;
  auto uploader = Uploader::Create(device_.get(), kChunk, 3);
  ASSERT_TRUE(uploader.ok()) << uploader.status();
  std::mt19937 random(7);
  for (const uint64_t bytes : {4, 4092, 4096, 4100, 12289, 50003}) {
    Arena arena(device_.get(), MemoryKind::kDevice, 1 << 20);
    const BufferRange all = Take(arena, bytes + 2 * 512);
    auto clear = NewRecorder();
    clear->Fill(all, 0x01010101u * kGuard);
    Run(*clear);
    const uint32_t seed = random();
    uint64_t expected_offset = 0;
    const absl::Status status = (*uploader)->Upload(
        all.Part(512, bytes), bytes, [&](uint64_t offset, uint64_t piece, std::byte* out) {
          EXPECT_EQ(offset, expected_offset);
          EXPECT_LE(piece, kChunk);
          expected_offset += piece;
          for (uint64_t i = 0; i < piece; ++i) out[i] = static_cast<std::byte>(PatternAt(offset + i, seed));
        });
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_TRUE((*uploader)->Finish().ok());
    EXPECT_EQ(expected_offset, bytes);
    const std::vector<uint8_t> got = ReadBack(all);
    for (uint64_t i = 0; i < bytes + 1024; ++i) {
      const bool inside = i >= 512 && i < 512 + bytes;
      ASSERT_EQ(got[i], inside ? PatternAt(i - 512, seed) : kGuard)
          << "byte " << i << " of " << bytes << " seed " << seed;
    }
  }
}

TEST_F(UploaderTest, ManyUploadsShareTheChunks) {
  auto uploader = Uploader::Create(device_.get(), 1024, 2);
  ASSERT_TRUE(uploader.ok()) << uploader.status();
  Arena arena(device_.get(), MemoryKind::kDevice, 1 << 20);
  std::vector<BufferRange> targets;
  for (uint32_t n = 0; n < 30; ++n) {
    std::vector<uint8_t> bytes(100 + 97 * n);
    for (uint64_t i = 0; i < bytes.size(); ++i) bytes[i] = PatternAt(i, n);
    targets.push_back(Take(arena, bytes.size()).Part(0, bytes.size()));
    ASSERT_TRUE((*uploader)->Upload(targets.back(), bytes.data(), bytes.size()).ok());
  }
  ASSERT_TRUE((*uploader)->Finish().ok());
  for (uint32_t n = 0; n < 30; ++n) {
    const std::vector<uint8_t> got = ReadBack(targets[n]);
    for (uint64_t i = 0; i < got.size(); ++i)
      ASSERT_EQ(got[i], PatternAt(i, n)) << "byte " << i << " of upload " << n;
  }
}

}  // namespace
}  // namespace hekla::vulkan
