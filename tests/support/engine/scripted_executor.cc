#include "tests/support/engine/scripted_executor.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace hekla::test {

void Script::Hold() {
  absl::MutexLock lock(&mutex_);
  held_ = true;
}

void Script::Release(int steps) {
  absl::MutexLock lock(&mutex_);
  released_ += steps;
}

void Script::ReleaseAll() {
  absl::MutexLock lock(&mutex_);
  held_ = false;
}

void Script::FailAt(uint64_t step, absl::Status status) {
  absl::MutexLock lock(&mutex_);
  fail_at_ = step;
  failure_ = std::move(status);
}

void Script::WaitForSubmitted(uint64_t step) {
  const auto submitted = [this, step]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return submitted_ >= step; };
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&submitted));
}

int Script::most_in_flight() const {
  absl::MutexLock lock(&mutex_);
  return most_in_flight_;
}

absl::Status Script::broken() const {
  absl::MutexLock lock(&mutex_);
  return broken_;
}

engine::Limits SmallLimits() {
  engine::Limits limits;
  limits.max_sequences = 8;
  limits.max_context = 256;
  limits.max_rows = 32;
  limits.max_samples = 8;
  limits.kv_blocks = 40;
  limits.max_in_flight = 3;
  limits.vocabulary = 100;
  return limits;
}

schedule::SchedulerOptions OptionsOf(const engine::Limits& limits,
                                     std::vector<schedule::TokenId> eos_tokens) {
  schedule::SchedulerOptions options;
  options.max_sequences = limits.max_sequences;
  options.max_context = limits.max_context;
  options.max_rows = limits.max_rows;
  options.max_samples = limits.max_samples;
  options.kv_blocks = limits.kv_blocks;
  options.max_in_flight = limits.max_in_flight;
  options.vocabulary = limits.vocabulary;
  options.eos_tokens = std::move(eos_tokens);
  return options;
}

ScriptedExecutor::ScriptedExecutor(const engine::Limits& limits, std::shared_ptr<Script> script)
    : limits_(limits), script_(std::move(script)), model_(OptionsOf(limits, {})) {}

absl::Status ScriptedExecutor::Submit(const schedule::Batch& batch) {
  absl::Status status = model_.Submit(batch);
  phases_.build += 1;
  phases_.submit += 2;
  absl::MutexLock lock(&script_->mutex_);
  if (script_->broken_.ok()) script_->broken_ = status;
  script_->submitted_ = batch.step;
  script_->most_in_flight_ = std::max(script_->most_in_flight_, model_.in_flight());
  return status;
}

absl::Status ScriptedExecutor::Await(schedule::BatchResult* result) {
  if (script_->before_await) script_->before_await();
  if (model_.in_flight() == 0) return absl::FailedPreconditionError("no step is in flight");
  *result = model_.Take();
  phases_.execute += 4;
  Script* script = script_.get();
  const auto released = [script]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(script->mutex_) {
    return !script->held_ || script->released_ > 0;
  };
  absl::MutexLock lock(&script->mutex_);
  script->mutex_.Await(absl::Condition(&released));
  if (script->held_) --script->released_;
  if (script->fail_at_ != 0 && result->step >= script->fail_at_) return script->failure_;
  return absl::OkStatus();
}

}  // namespace hekla::test
