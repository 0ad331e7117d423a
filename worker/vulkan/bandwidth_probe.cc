#include "worker/vulkan/bandwidth_probe.h"

#include <algorithm>
#include <memory>

#include "absl/time/clock.h"
#include "worker/base/status_macros.h"
#include "worker/vulkan/recorder.h"
#include "worker/vulkan/timeline.h"

namespace hekla::vulkan {
namespace {

constexpr int kRounds = 5;
constexpr absl::Duration kLeastTime = absl::Milliseconds(300);   // a device that slept needs a while to reach its clock
constexpr int kReadsPerRound = 8;      // one submission, so that the round trip does not count
constexpr uint32_t kWorkgroups = 2112;
constexpr uint64_t kMaxIterations = 40'000;   // software devices end a longer loop silently

}  // namespace

absl::StatusOr<double> MeasureReadBandwidth(const Device* device, uint64_t bytes) {
  bytes = std::min({bytes, device->limits().max_storage_range, device->limits().max_allocation,
                    uint64_t{kWorkgroups} * 256 * 16 * 4 * kMaxIterations}) / 256 * 256;
  Arena arena(device, MemoryKind::kDevice, bytes + 4096);
  HEKLA_ASSIGN_OR_RETURN(const BufferRange source, arena.Allocate(bytes));
  HEKLA_ASSIGN_OR_RETURN(const BufferRange sum, arena.Allocate(256));
  KernelCache kernels(device);
  LaunchMaker launches(device);
  using Arguments = kernels::ReadBufferArguments<BufferRange>;
  HEKLA_ASSIGN_OR_RETURN(const Pipeline* pipeline, kernels.Get(Arguments::kId, {}));
  HEKLA_ASSIGN_OR_RETURN(const Launch launch, launches.Make(pipeline, Arguments{source, sum}, {static_cast<uint32_t>(bytes / 16)}));
  auto pool = device->get().createCommandPoolUnique({{}, device->compute_family()});
  HEKLA_RETURN_IF_ERROR(Check(pool.result, "creating a command pool"));
  HEKLA_ASSIGN_OR_RETURN(const auto timeline, Timeline::Create(device));
  HEKLA_ASSIGN_OR_RETURN(const auto clear, Recorder::Create(device, *pool.value));
  clear->Fill(source, 0);
  HEKLA_RETURN_IF_ERROR(clear->End());
  HEKLA_ASSIGN_OR_RETURN(const auto reads, Recorder::Create(device, *pool.value));
  for (int i = 0; i < kReadsPerRound; ++i) reads->Add(launch, {kWorkgroups, 1, 1});
  HEKLA_RETURN_IF_ERROR(reads->End());
  HEKLA_ASSIGN_OR_RETURN(const uint64_t cleared, timeline->Submit(device->compute_queue(), {clear->commands()}));
  HEKLA_RETURN_IF_ERROR(timeline->Wait(cleared, absl::Minutes(1)));
  absl::Duration best = absl::InfiniteDuration();
  const absl::Time start = absl::Now();
  for (int round = 0; round <= kRounds || absl::Now() - start < kLeastTime; ++round) {   // the first compiles
    const absl::Time begin = absl::Now();
    HEKLA_ASSIGN_OR_RETURN(const uint64_t value, timeline->Submit(device->compute_queue(), {reads->commands()}));
    HEKLA_RETURN_IF_ERROR(timeline->Wait(value, absl::Minutes(1)));
    if (round > 0) best = std::min(best, absl::Now() - begin);
  }
  return static_cast<double>(bytes) * kReadsPerRound / absl::ToDoubleSeconds(best);
}

}  // namespace hekla::vulkan
