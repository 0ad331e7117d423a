// cpu::CpuExecutor behind the Executor interface. Submit computes the step at once, so its errors come from
// Submit; Await hands the results over in order.
#ifndef HEKLA_WORKER_ENGINE_CPU_ADAPTER_H_
#define HEKLA_WORKER_ENGINE_CPU_ADAPTER_H_

#include <deque>
#include <memory>
#include <string>

#include "worker/cpu/cpu_executor.h"
#include "worker/engine/executor.h"

namespace hekla::engine {

class CpuAdapter : public Executor {
 public:
  CpuAdapter(std::unique_ptr<cpu::CpuExecutor> executor, int vocabulary);

  const Limits& limits() const override { return limits_; }
  std::string device_name() const override;
  absl::Status Submit(const schedule::Batch& batch) override;
  absl::Status Await(schedule::BatchResult* result) override;
  PhaseSeconds phase_seconds() const override { return phases_; }
  uint64_t device_memory_bytes() const override { return executor_->memory_bytes(); }
  uint64_t device_memory_budget_bytes() const override { return budget_bytes_; }
  uint64_t device_bytes_read() const override { return executor_->bytes_read(); }

 private:
  const std::unique_ptr<cpu::CpuExecutor> executor_;
  Limits limits_;
  const uint64_t budget_bytes_;  // the machine's memory
  PhaseSeconds phases_;
  std::deque<schedule::BatchResult> finished_;
};

}  // namespace hekla::engine

#endif  // HEKLA_WORKER_ENGINE_CPU_ADAPTER_H_
