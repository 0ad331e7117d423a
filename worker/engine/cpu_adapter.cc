#include "worker/engine/cpu_adapter.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "worker/base/status_macros.h"

namespace hekla::engine {
namespace {

constexpr int kMaxInFlight = 4;

uint64_t MachineMemory() {
  const int64_t pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGE_SIZE);
  return pages > 0 && page_bytes > 0 ? static_cast<uint64_t>(pages) * page_bytes : 0;
}

}  // namespace

CpuAdapter::CpuAdapter(std::unique_ptr<cpu::CpuExecutor> executor, int vocabulary)
    : executor_(std::move(executor)), budget_bytes_(MachineMemory()) {
  const cpu::CpuOptions& options = executor_->options();
  limits_.max_sequences = options.max_sequences;
  limits_.max_context = options.max_context;
  limits_.max_rows = options.max_rows;
  limits_.max_samples = options.max_samples;
  limits_.kv_blocks = options.kv_blocks;
  limits_.max_in_flight = kMaxInFlight;
  limits_.vocabulary = vocabulary;
}

std::string CpuAdapter::device_name() const {
  return absl::StrCat("processor, ", executor_->options().threads, " threads");
}

absl::Status CpuAdapter::Submit(const schedule::Batch& batch) {
  if (finished_.size() >= kMaxInFlight) {
    return absl::FailedPreconditionError(absl::StrCat(kMaxInFlight, " steps are in flight already"));
  }
  const absl::Time start = absl::Now();
  schedule::BatchResult result;
  HEKLA_RETURN_IF_ERROR(executor_->Run(batch, &result));
  const absl::Duration taken = absl::Now() - start;
  result.device_us = absl::ToDoubleMicroseconds(taken);
  phases_.execute += absl::ToDoubleSeconds(taken);
  finished_.push_back(std::move(result));
  return absl::OkStatus();
}

absl::Status CpuAdapter::Await(schedule::BatchResult* result) {
  if (finished_.empty()) return absl::FailedPreconditionError("no step is in flight");
  *result = std::move(finished_.front());
  finished_.pop_front();
  return absl::OkStatus();
}

}  // namespace hekla::engine
