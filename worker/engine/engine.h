// The engine: one thread that schedules, submits and awaits steps of one executor, and hands tokens to their
// sinks.
//
//   drain the mailbox -> plan and submit steps until max_in_flight are queued -> await the oldest -> deliver
//   its tokens
//
// So while the device computes step N, N + 1 and N + 2 are queued. With nothing to do the thread sleeps on
// the mailbox.
//
// Threads: the public functions may be called from any thread, also from a sink's; scheduler, executor and
// streams belong to the engine's thread, which started with Create and ends in the destructor. Every sink
// gets its last event before the destructor returns. Every error of the executor is final: see
// Options::on_fatal.
#ifndef HEKLA_WORKER_ENGINE_ENGINE_H_
#define HEKLA_WORKER_ENGINE_ENGINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "worker/engine/engine_interface.h"
#include "worker/engine/executor.h"
#include "worker/engine/mailbox.h"
#include "worker/schedule/scheduler.h"

namespace hekla::engine {

class Engine : public EngineInterface {
 public:
  struct Options {
    std::unique_ptr<Executor> executor;  // warmed up already; used and destroyed by the engine alone
    std::vector<schedule::TokenId> eos_tokens;
    int prefill_chunk = 0;  // most prompt tokens of one step; 0 = as many as the executor takes
    int max_waiting = 256;  // requests that wait for their first step
    // Called once, on the engine's thread, after every request has ended with kError: the executor failed and
    // the engine does no more work. It may end the process; it must not destroy the engine.
    std::function<void(const absl::Status&)> on_fatal;
    std::function<int64_t()> now_us;  // any thread; empty = a steady clock
  };

  // INVALID_ARGUMENT: the executor's limits or an option out of range.
  static absl::StatusOr<std::unique_ptr<Engine>> Create(Options options);

  // Cancels what is left and joins the thread.
  ~Engine() override;

  absl::StatusOr<uint64_t> Submit(schedule::Request request, std::shared_ptr<TokenSink> sink) override;
  void Cancel(uint64_t id) override;
  void Park(uint64_t id) override;
  void Unpark(uint64_t id) override;
  void Drain() override;
  EngineStatus Status() const override;
  void ObserveSteps(StepObserver observer) override;
  int64_t NowMicros() const override;

 private:
  // A live request as the engine's thread sees it. Times are on the engine's clock, 0 = not yet.
  struct Stream {
    std::shared_ptr<TokenSink> sink;
    int logprobs = -1;
    int token_offset = 0;  // of the next token
    int cached_tokens = 0;
    int64_t submitted_us = 0, started_us = 0, first_token_us = 0;
  };
  struct StepShape {
    int64_t submitted_us = 0;
    int prefill_rows = 0, decode_rows = 0, sequences = 0;
    PhaseSeconds phases;  // spent on it so far
  };

  Engine(Options options, schedule::SchedulerOptions scheduler_options);

  void Loop();
  bool TakeMail();
  void AwaitMail();
  bool WorkPresent() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status SubmitSteps();
  absl::Status FinishStep();
  void StartStreams();
  void CancelAll();
  void Fail(const absl::Status& status);
  StepShape ShapeOfBatch() const;
  void CountStep(const StepShape& shape);
  void CopyCounts(EngineStatus* status) const;
  void Publish();
  void Deliver();
  TokenEvent Compose(const schedule::SequenceEvent& news, Stream* stream);

  // Set once, then read by any thread.
  const schedule::SchedulerOptions scheduler_options_;
  const std::function<void(const absl::Status&)> on_fatal_;
  const std::function<int64_t()> now_us_;

  // The engine's thread.
  std::unique_ptr<Executor> executor_;
  schedule::Scheduler scheduler_;
  absl::flat_hash_map<uint64_t, Stream> streams_;
  std::vector<StepShape> shapes_;  // of the steps in flight, by step modulo max_in_flight
  Mail mail_;
  schedule::Batch batch_;
  schedule::BatchResult result_;
  std::vector<schedule::SequenceEvent> news_;  // not yet delivered
  int64_t finished_us_ = 0;                    // when the last step finished
  EngineStatus counters_;                      // the copy the engine's thread counts in

  absl::Mutex observer_mutex_;  // held while the observer runs
  StepObserver observer_ ABSL_GUARDED_BY(observer_mutex_);

  Mailbox mailbox_;
  mutable absl::Mutex mutex_;
  EngineStatus status_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<uint64_t> live_ ABSL_GUARDED_BY(mutex_);    // submitted and not ended
  absl::flat_hash_set<uint64_t> parked_ ABSL_GUARDED_BY(mutex_);  // of them, those that are to be parked
  absl::flat_hash_set<uint64_t> unstarted_
      ABSL_GUARDED_BY(mutex_);              // of them, those that wait for their first step
  int mailed_ ABSL_GUARDED_BY(mutex_) = 0;  // of them, those that are still in the mailbox
  int64_t mailed_tokens_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t progress_us_ ABSL_GUARDED_BY(mutex_) =
      0;  // last finished step, or when work came to an idle engine
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);  // why nothing more is taken; OK = it is

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace hekla::engine

#endif  // HEKLA_WORKER_ENGINE_ENGINE_H_
