#include "worker/model/plan.h"

#include <utility>

#include "worker/base/status_macros.h"
#include "worker/model/plan_builder.h"

namespace hekla::model {

absl::StatusOr<Plan> BuildPlan(const Gguf& file) {
  HEKLA_ASSIGN_OR_RETURN(ModelConfig config, ReadModelConfig(file));
  if (config.architecture == "llama") return BuildLlamaPlan(file, std::move(config));
  return BuildQwenPlan(file, std::move(config));
}

}  // namespace hekla::model
