// A model file opened, planned and put on a device: what the commands that run a model begin with.
#ifndef HEKLA_WORKER_TOOL_OPEN_MODEL_H_
#define HEKLA_WORKER_TOOL_OPEN_MODEL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "worker/engine/executor.h"
#include "worker/engine/make_executor.h"
#include "worker/model/gguf.h"
#include "worker/model/plan.h"

namespace hekla::tool {

inline constexpr char kDeviceHelp[] =
    "cpu, vulkan:N (the N-th Vulkan device), or auto (the best Vulkan device)";

struct PlannedModel {
  std::unique_ptr<model::Gguf> file;
  model::Plan plan;  // its matrices point into `file`
};

// Errors name the file.
absl::StatusOr<PlannedModel> PlanModel(const std::string& path);

// MakeExecutor, with the progress of loading on stderr when that is a terminal.
absl::StatusOr<std::unique_ptr<engine::Executor>> LoadModel(const PlannedModel& model,
                                                            const std::string& device,
                                                            engine::ExecutorOptions options);

}  // namespace hekla::tool

#endif  // HEKLA_WORKER_TOOL_OPEN_MODEL_H_
