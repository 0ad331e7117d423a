// The one place that turns a device's name into an Executor.
#ifndef HEKLA_WORKER_ENGINE_MAKE_EXECUTOR_H_
#define HEKLA_WORKER_ENGINE_MAKE_EXECUTOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "worker/engine/executor.h"
#include "worker/model/plan.h"

namespace hekla::engine {

struct ExecutorOptions {
  int max_sequences = 1;  // slots
  int max_context = 512;  // tokens of one sequence
  int max_rows = 64;      // tokens of one step
  int max_samples = 1;    // sampled rows of one step
  int kv_blocks = 0;      // of schedule::kBlockTokens tokens; 0 = enough for every slot at max_context
  // Called while weights are loaded, on the calling thread; done == total at the end. May be empty.
  std::function<void(uint64_t done_bytes, uint64_t total_bytes)> weight_progress;
};

// device: "cpu"; "vulkan" or "vulkan:N"; "auto". The model file behind `plan` must outlive the executor.
// INVALID_ARGUMENT: no such device name or a bad option; RESOURCE_EXHAUSTED: not enough memory;
// FAILED_PRECONDITION: the device lacks what the kernels need.
absl::StatusOr<std::unique_ptr<Executor>> MakeExecutor(const model::Plan& plan, const std::string& device,
                                                       const ExecutorOptions& options);

}  // namespace hekla::engine

#endif  // HEKLA_WORKER_ENGINE_MAKE_EXECUTOR_H_
