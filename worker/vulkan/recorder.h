// Launches and their recording. A Launch is a pipeline with its buffers and push constants; the Recorder puts launches into a command
// buffer and derives the barriers from what each reads and writes, as the kernel's own SPIR-V declares it.
#ifndef HEKLA_WORKER_VULKAN_RECORDER_H_
#define HEKLA_WORKER_VULKAN_RECORDER_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/vulkan/kernel_cache.h"
#include "worker/vulkan/launch_timer.h"
#include "worker/vulkan/memory.h"

namespace hekla::vulkan {

struct Grid {
  uint32_t x = 1, y = 1, z = 1;   // workgroups
};

struct Launch {
  const Pipeline* pipeline = nullptr;
  vk::DescriptorSet set;
  std::vector<BufferRange> buffers;      // in binding order
  std::array<std::byte, 128> push{};
};

// Descriptor sets for launches; grows by pools, frees all at once.
class LaunchMaker {
 public:
  explicit LaunchMaker(const Device* device) : device_(device) {}

  // `Arguments` is a generated kernels::...Arguments<BufferRange>.
  template <typename Arguments>
  absl::StatusOr<Launch> Make(const Pipeline* pipeline, const Arguments& arguments, const typename Arguments::Params& params) {
    const auto list = arguments.List();
    Launch launch;
    launch.pipeline = pipeline;
    launch.buffers.assign(list.begin(), list.end());
    static_assert(sizeof(params) <= sizeof(launch.push));
    std::memcpy(launch.push.data(), &params, sizeof(params));
    if (absl::Status status = Bind(&launch); !status.ok()) return status;
    return launch;
  }

 private:
  absl::Status Bind(Launch* launch);
  absl::StatusOr<vk::BufferView> MakeView(const BufferRange& range, uint8_t access);

  const Device* device_;
  std::vector<vk::UniqueDescriptorPool> pools_;
  std::vector<vk::UniqueBufferView> views_;
  uint32_t sets_left_ = 0;
};

class Recorder {
 public:
  // Commands that may be submitted again while an earlier submission still runs; with a `timer`, which times each launch, only after it.
  static absl::StatusOr<std::unique_ptr<Recorder>> Create(const Device* device, vk::CommandPool pool, LaunchTimer* timer = nullptr);

  // `joined`: the launch belongs to one operation with the one before and touches other elements, so no barrier stands between them.
  void Add(const Launch& launch, Grid grid, bool joined = false);
  void Copy(const BufferRange& from, const BufferRange& to);   // min of both sizes
  void Fill(const BufferRange& range, uint32_t word);
  absl::Status End();

  vk::CommandBuffer commands() const { return *commands_; }
  int launches() const { return launches_; }
  int barriers() const { return barriers_; }

 private:
  struct Touched {
    vk::Buffer buffer;
    uint64_t first, last;   // bytes [first, last)
    bool written;
  };
  explicit Recorder(LaunchTimer* timer) : timer_(timer) {}
  bool Conflicts(const BufferRange& range, bool writes) const;
  void BarrierIfNeeded(absl::Span<const std::pair<BufferRange, bool>> uses, bool joined = false);

  vk::UniqueCommandBuffer commands_;
  LaunchTimer* timer_;
  std::vector<Touched> touched_;   // since the last barrier
  int launches_ = 0, barriers_ = 0;
};

}  // namespace hekla::vulkan

#endif  // HEKLA_WORKER_VULKAN_RECORDER_H_
