#include "worker/engine/make_executor.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"
#include "worker/cpu/cpu_executor.h"
#include "worker/engine/cpu_adapter.h"
#include "worker/engine/vulkan_executor.h"

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

absl::StatusOr<std::unique_ptr<Executor>> MakeVulkanExecutor(const model::Plan& plan, int index,
                                                             const ExecutorOptions& options) {
  HEKLA_ASSIGN_OR_RETURN(std::unique_ptr<Executor> executor, VulkanExecutor::Create(plan, index, options));
  return executor;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Executor>> MakeExecutor(const model::Plan& plan, const std::string& device,
                                                       const ExecutorOptions& options) {
  if (device == "cpu") return MakeCpuExecutor(plan, options);
  if (device == "auto" || device == "vulkan") return MakeVulkanExecutor(plan, -1, options);
  if (int index; absl::StartsWith(device, "vulkan:") && absl::SimpleAtoi(device.substr(7), &index) && index >= 0) {
    return MakeVulkanExecutor(plan, index, options);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("device is \"", device, "\", known are cpu, vulkan, vulkan:N and auto"));
}

}  // namespace hekla::engine
