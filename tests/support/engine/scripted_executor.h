// An Executor without a device: a StepModel that computes every step, and a Script by which a test holds,
// delays or fails it. It breaks off (Submit fails) at the first batch against the contract of batch.h, and at
// a step beyond max_in_flight.
#ifndef HEKLA_TESTS_SUPPORT_ENGINE_SCRIPTED_EXECUTOR_H_
#define HEKLA_TESTS_SUPPORT_ENGINE_SCRIPTED_EXECUTOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "tests/support/schedule/step_model.h"
#include "worker/engine/executor.h"
#include "worker/schedule/admission.h"

namespace hekla::test {

// Shared by a test and the executor that an engine owns. Any thread.
class Script {
 public:
  // From now on Await waits until steps are released.
  void Hold();
  void Release(int steps);
  void ReleaseAll();

  // Await of `step` returns `status`, as all later calls do.
  void FailAt(uint64_t step, absl::Status status);

  // Waits until `step` has been submitted.
  void WaitForSubmitted(uint64_t step);

  // Called by Await on the engine's thread before it waits, for delays. Set before the engine is made.
  std::function<void()> before_await;

  int most_in_flight() const;
  // The first rule of the contract that was broken.
  absl::Status broken() const;

 private:
  friend class ScriptedExecutor;

  mutable absl::Mutex mutex_;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  int released_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t submitted_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t fail_at_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_), broken_ ABSL_GUARDED_BY(mutex_);
  int most_in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
};

// 8 slots, context 256, 32 rows, 40 blocks, 3 steps in flight, 100 tokens.
engine::Limits SmallLimits();

// The options under which OutputAlone gives what an engine with these limits must give.
schedule::SchedulerOptions OptionsOf(const engine::Limits& limits, std::vector<schedule::TokenId> eos_tokens);

class ScriptedExecutor : public engine::Executor {
 public:
  ScriptedExecutor(const engine::Limits& limits, std::shared_ptr<Script> script);

  const engine::Limits& limits() const override { return limits_; }
  std::string device_name() const override { return "scripted"; }
  absl::Status Submit(const schedule::Batch& batch) override;
  absl::Status Await(schedule::BatchResult* result) override;
  // Of every step: 1 s build and 2 s submit with Submit, 4 s execute with Await.
  engine::PhaseSeconds phase_seconds() const override { return phases_; }
  uint64_t device_memory_bytes() const override { return 1 << 20; }
  uint64_t device_memory_budget_bytes() const override { return 1 << 22; }
  uint64_t device_bytes_read() const override { return 0; }

 private:
  const engine::Limits limits_;
  const std::shared_ptr<Script> script_;
  StepModel model_;
  engine::PhaseSeconds phases_;
};

}  // namespace hekla::test

#endif  // HEKLA_TESTS_SUPPORT_ENGINE_SCRIPTED_EXECUTOR_H_
