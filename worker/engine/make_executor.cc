#include "worker/engine/make_executor.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"
#include "worker/cpu/cpu_executor.h"
#include "worker/engine/cpu_adapter.h"

namespace hekla::engine {
namespace {

absl::StatusOr<std::unique_ptr<Executor>> MakeCpuExecutor(const model::Plan& plan,
                                                          const ExecutorOptions& options) {
  cpu::CpuOptions cpu_options;
  cpu_options.max_sequences = options.max_sequences;
  cpu_options.max_context = options.max_context;
  cpu_options.max_rows = options.max_rows;
  cpu_options.max_samples = options.max_samples;
  cpu_options.kv_blocks = options.kv_blocks;
  HEKLA_ASSIGN_OR_RETURN(std::unique_ptr<cpu::CpuExecutor> executor,
                         cpu::CpuExecutor::Create(plan, cpu_options));
  if (options.weight_progress) options.weight_progress(plan.weight_bytes, plan.weight_bytes);
  return std::make_unique<CpuAdapter>(std::move(executor), plan.config.vocabulary);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Executor>> MakeExecutor(const model::Plan& plan, const std::string& device,
                                                       const ExecutorOptions& options) {
  if (device == "cpu") return MakeCpuExecutor(plan, options);
  if (device == "auto" || device == "vulkan" || absl::StartsWith(device, "vulkan:")) {
    return absl::UnimplementedError(
        absl::StrCat("device \"", device, "\": there is no Vulkan executor yet, use cpu"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("device is \"", device, "\", known are cpu, vulkan, vulkan:N and auto"));
}

}  // namespace hekla::engine
