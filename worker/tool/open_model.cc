#include "worker/tool/open_model.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_format.h"
#include "worker/base/status_macros.h"

namespace hekla::tool {

absl::StatusOr<PlannedModel> PlanModel(const std::string& path) {
  PlannedModel planned;
  HEKLA_ASSIGN_OR_RETURN(planned.file, model::Gguf::Open(path));
  auto plan = model::BuildPlan(*planned.file);
  if (!plan.ok()) return WithContext(plan.status(), path);
  planned.plan = *std::move(plan);
  return planned;
}

absl::StatusOr<std::unique_ptr<engine::Executor>> LoadModel(const PlannedModel& model,
                                                            const std::string& device,
                                                            engine::ExecutorOptions options) {
  if (isatty(STDERR_FILENO)) {
    options.weight_progress = [shown = -1](uint64_t done, uint64_t total) mutable {
      const int percent = total == 0 ? 100 : static_cast<int>(100.0 * done / total);
      if (percent == shown) return;
      shown = percent;
      absl::FPrintF(stderr, "\rloading %d %% of %.1f MB%s", percent, total / 1e6, percent == 100 ? "\n" : "");
    };
  }
  return engine::MakeExecutor(model.plan, device, options);
}

}  // namespace hekla::tool
