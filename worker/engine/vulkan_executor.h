// An Executor on one Vulkan device. Steps are submitted ahead; the device reads their inputs from a ring, feeds sampled ids to later
// steps itself, and leaves results in another ring, so the host only waits for a timeline value and reads.
#ifndef HEKLA_WORKER_ENGINE_VULKAN_EXECUTOR_H_
#define HEKLA_WORKER_ENGINE_VULKAN_EXECUTOR_H_

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "worker/engine/executor.h"
#include "worker/engine/make_executor.h"
#include "worker/engine/vulkan_stage.h"
#include "worker/vulkan/timeline.h"

namespace hekla::engine {

// Steps submitted and not yet awaited; the rings hold kernels::kRing.
inline constexpr int kMaxInFlight = 4;

class VulkanExecutor : public Executor {
 public:
  // Loads the weights, makes every pipeline and dispatches each once with no live row, which leaves no trace.
  static absl::StatusOr<std::unique_ptr<VulkanExecutor>> Create(const model::Plan& plan, int device_index, const ExecutorOptions& options);
  ~VulkanExecutor() override;

  const Limits& limits() const override { return limits_; }
  std::string device_name() const override { return device_->name(); }
  absl::Status Submit(const schedule::Batch& batch) override;
  absl::Status Await(schedule::BatchResult* result) override;
  PhaseSeconds phase_seconds() const override { return phases_; }
  uint64_t device_memory_bytes() const override { return stage_->device_bytes(); }
  uint64_t device_memory_budget_bytes() const override { return device_->limits().memory_bytes; }
  KernelCounts kernel_counts() const override { return stage_->kernel_counts(); }
  uint64_t device_bytes_read() const override { return bytes_read_; }

  // For benchmarks.
  const vulkan::Device& device() const { return *device_; }
  const VulkanStage& stage() const { return *stage_; }
  // Launches and barriers of one step of this shape.
  absl::StatusOr<std::pair<int, int>> LaunchesAndBarriers(uint32_t rows, uint32_t context, uint32_t samples);
  // Computes the step like Submit and Await, each launch timed; no other step may be in flight.
  struct LaunchTime {
    std::string launch;   // kernel and grid
    double us = 0;
  };
  absl::StatusOr<std::vector<LaunchTime>> Profile(const schedule::Batch& batch);
  absl::Duration load_time() const { return load_time_; }
  absl::Duration warm_up_time() const { return warm_up_time_; }

 private:
  struct InFlight {
    uint64_t step = 0, value = 0;
    uint32_t ring = 0, samples = 0;
    bool logits = false;
    absl::Time submitted;
  };
  VulkanExecutor() = default;
  absl::Status WarmUp();
  absl::StatusOr<const vulkan::Recorder*> Recorded(const StepShape& shape);
  absl::StatusOr<uint64_t> SubmitCommands(const vulkan::Recorder& recorder);
  using RecordedStep = std::function<absl::StatusOr<const vulkan::Recorder*>(const StepShape&)>;
  absl::Status SubmitStep(const schedule::Batch& batch, const RecordedStep& recorded);

  std::unique_ptr<vulkan::Device> device_;
  Limits limits_;
  std::unique_ptr<VulkanStage> stage_;
  vk::UniqueCommandPool pool_;
  std::unique_ptr<vulkan::Timeline> timeline_;
  absl::flat_hash_map<decltype(StepShape{}.Key()), std::unique_ptr<vulkan::Recorder>> recorded_;
  std::deque<InFlight> in_flight_;
  uint32_t next_ring_ = 0;       // mirrors the device's step counter
  absl::Time last_end_;
  PhaseSeconds phases_;
  uint64_t bytes_read_ = 0;
  absl::Duration load_time_, warm_up_time_;
};

}  // namespace hekla::engine

#endif  // HEKLA_WORKER_ENGINE_VULKAN_EXECUTOR_H_
