// What tests of kernels share: a device, buffers between guard bands, launches. Buffers are host-visible, so a
// test writes and reads them directly; the band behind a buffer is bound with it, or a driver that checks
// bounds would drop the very writes that the band is there to catch.
// Thread rule: one thread. Lifetime: buffers live as long as the test, pipelines as long as its suite.
#ifndef HEKLA_TESTS_SUPPORT_KERNELS_KERNEL_FIXTURE_H_
#define HEKLA_TESTS_SUPPORT_KERNELS_KERNEL_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tests/worker/vulkan/device_fixture.h"
#include "worker/engine/repack.h"

namespace hekla::test {

inline constexpr uint64_t kGuardBytes = 4096;
inline constexpr uint32_t kGuardWord = 0x7fc0fead;  // a NaN, as f32 and as two f16

// A token of a step, and a sampled one.
struct StepRow {
  uint32_t slot = 0, position = 0, token = 0;
};
struct StepSample {
  uint32_t row = 0, slot = 0, position = 0, token = kernels::kDrawn;
};

class KernelFixture : public vulkan::DeviceFixture {
 protected:
  using BufferRange = vulkan::BufferRange;

  static void SetUpTestSuite() {
    DeviceFixture::SetUpTestSuite();
    kernels_ = std::make_unique<vulkan::KernelCache>(device_.get());
  }
  static void TearDownTestSuite() {
    kernels_.reset();
    DeviceFixture::TearDownTestSuite();
  }
  void SetUp() override;
  // Guard bands must be as they were.
  void TearDown() override;

  uint32_t subgroup() const { return device_->limits().subgroup_size; }

  // A buffer of `words`, each kGuardWord: a word that a kernel leaves alone can be told, and one that it reads by
  // mistake makes its results NaN.
  BufferRange Buffer(uint64_t words);
  template <typename T>
  BufferRange Buffer(const std::vector<T>& values) {
    const BufferRange range = Buffer((values.size() * sizeof(T) + 3) / 4);
    std::memcpy(range.mapped, values.data(), values.size() * sizeof(T));
    return range;
  }
  // The buffer's words as the device left them, without the guard band.
  template <typename T>
  std::span<T> Content(const BufferRange& range) const {
    return {reinterpret_cast<T*>(range.mapped), (range.bytes - kGuardBytes) / sizeof(T)};
  }
  // Every word kGuardWord again.
  void Wipe(const BufferRange& range) { std::ranges::fill(Content<uint32_t>(range), kGuardWord); }

  // The step state (kernels/common/step.glsl) for kernels with max_rows = rows.size() or more.
  BufferRange StepState(const std::vector<StepRow>& rows, const std::vector<StepSample>& samples,
                        uint32_t max_rows, uint32_t step = 0);

  // Runs one launch to its end.
  template <typename Arguments>
  void Launch(kernels::Kernel kernel, const vulkan::Specialization& specialization, const Arguments& arguments,
              const typename Arguments::Params& params, vulkan::Grid grid) {
    const auto pipeline = kernels_->Get(kernel, specialization);
    ASSERT_TRUE(pipeline.ok()) << pipeline.status();
    const auto launch = launches_->Make(*pipeline, arguments, params);
    ASSERT_TRUE(launch.ok()) << launch.status();
    auto recorder = NewRecorder();
    recorder->Add(*launch, grid);
    Run(*recorder);
  }
  void ExpectGuardsIntact() const;

  static inline std::unique_ptr<vulkan::KernelCache> kernels_;
  std::unique_ptr<vulkan::LaunchMaker> launches_;

 private:
  std::unique_ptr<vulkan::Arena> arena_;
  std::vector<BufferRange> whole_;  // with both bands
};

// Where element k of an activation row of `units` units stands (kernels/common/activation.glsl).
uint32_t ActivationIndex(uint32_t k, uint32_t units, uint32_t chunk);

// What the kernels expect for CHUNK with rows in this order.
uint32_t ActivationChunk(engine::RowOrder order, uint32_t subgroup);

}  // namespace hekla::test

#endif  // HEKLA_TESTS_SUPPORT_KERNELS_KERNEL_FIXTURE_H_
