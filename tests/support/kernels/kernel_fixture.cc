#include "tests/support/kernels/kernel_fixture.h"

#include <algorithm>

namespace hekla::test {

void KernelFixture::SetUp() {
  DeviceFixture::SetUp();
  arena_ = std::make_unique<vulkan::Arena>(device_.get(), vulkan::MemoryKind::kReadback, 1 << 20);
  launches_ = std::make_unique<vulkan::LaunchMaker>(device_.get());
}

void KernelFixture::TearDown() { ExpectGuardsIntact(); }

vulkan::BufferRange KernelFixture::Buffer(uint64_t words) {
  const uint64_t bytes = (words * 4 + 15) / 16 * 16;  // whole texels
  const BufferRange all = Take(*arena_, bytes + 2 * kGuardBytes);
  // The words that round the buffer up belong to the band.
  std::fill_n(reinterpret_cast<uint32_t*>(all.mapped), all.bytes / 4, kGuardWord);
  BufferRange whole = all;
  whole.bytes = words * 4 + 2 * kGuardBytes;
  whole_.push_back(whole);
  return all.Part(kGuardBytes, words * 4 + kGuardBytes);
}

vulkan::BufferRange KernelFixture::StepState(const std::vector<StepRow>& rows,
                                             const std::vector<StepSample>& samples, uint32_t max_rows,
                                             uint32_t step) {
  // Rows past the last name slot 0 and position 0: kernels compute whole groups of columns.
  std::vector<uint32_t> words(4 + 4 * (max_rows + samples.size() + 8), 0);
  words[0] = static_cast<uint32_t>(rows.size());
  words[1] = static_cast<uint32_t>(samples.size());
  words[2] = step;
  for (size_t i = 0; i < rows.size(); ++i) {
    const uint32_t row[] = {rows[i].slot, rows[i].position, rows[i].token};
    std::copy_n(row, 3, &words[4 + 4 * i]);
  }
  for (size_t i = 0; i < samples.size(); ++i) {
    const uint32_t sample[] = {samples[i].row, samples[i].slot, samples[i].position, samples[i].token};
    std::copy_n(sample, 4, &words[4 + 4 * (max_rows + i)]);
  }
  return Buffer(words);
}

void KernelFixture::ExpectGuardsIntact() const {
  for (size_t n = 0; n < whole_.size(); ++n) {
    const auto* words = reinterpret_cast<const uint32_t*>(whole_[n].mapped);
    const uint64_t count = whole_[n].bytes / 4, guard = kGuardBytes / 4;
    for (uint64_t i = 0; i < count; ++i) {
      if (i >= guard && i < count - guard) continue;
      ASSERT_EQ(words[i], kGuardWord) << "buffer " << n << " of " << count - 2 * guard << " words, word "
                                      << static_cast<int64_t>(i - guard);
    }
  }
}

uint32_t ActivationIndex(uint32_t k, uint32_t units, uint32_t chunk) {
  const uint32_t unit = k / 32, first = unit / chunk * chunk, n = std::min(chunk, units - first);
  return (first * 8 + k % 32 / 4 * n + unit - first) * 4 + k % 4;
}

uint32_t ActivationChunk(engine::RowOrder order, uint32_t subgroup) {
  return order == engine::RowOrder::kInterleaved ? 1 : subgroup;
}

}  // namespace hekla::test
