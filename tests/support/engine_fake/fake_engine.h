// An engine without a model, for tests of everything above it: token streams that are a function of (prompt,
// seed, position), at a given rate, with faults on demand. A resumed request goes on exactly where the
// unbroken one would be. Log probabilities of a prompt take steps of their own, before the first token.
//
// Thread rule: any thread, as EngineInterface says; sinks are called on the fake's own thread. Lifetime: the
// destructor ends what runs with kCancelled and joins the thread.
#ifndef HEKLA_TESTS_SUPPORT_ENGINE_FAKE_FAKE_ENGINE_H_
#define HEKLA_TESTS_SUPPORT_ENGINE_FAKE_FAKE_ENGINE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "worker/engine/engine_interface.h"

namespace hekla::engine {

enum class FakeFault {
  kNone,
  kHang,         // no token and no step after `after_tokens`; cancelling works
  kDie,          // on_death() is called, or without one every request ends with UNAVAILABLE "device lost"
  kWrongOffset,  // the event's token_offset is one too large
};

struct FakeFaultPlan {
  FakeFault kind = FakeFault::kNone;
  int after_tokens = 0;                   // of the struck request, since it was submitted
  std::vector<schedule::TokenId> marker;  // strikes only prompts that contain this run of ids; empty = all
  int strikes = -1;                       // how many requests are struck; -1 = every one
};

struct FakeEngineOptions {
  int vocabulary = 257;
  schedule::TokenId end_of_sequence = 256;
  int max_sequences = 8;
  int max_context = 4096;        // tokens
  int max_waiting = 64;          // requests
  double tokens_per_second = 0;  // of each sequence; 0 = as fast as it goes
  bool in_steps = false;         // at that rate, after its first token a sequence has the next ones together with the others
  absl::Duration first_token_delay = absl::ZeroDuration();
  int mean_length = 0;  // tokens until end_of_sequence is drawn, on average; 0 = never drawn
  std::string alphabet = "abcdefghijklmnopqrstuvwxyz      ";  // ids that are drawn
  int cached_blocks = 4096;   // prefix blocks remembered, the least recently used go first; they cost no prefill
  double prefill_tokens_per_second = 0;  // of what is not cached, before the first token; 0 = no time
  bool echo_prompt = false;  // output = the prompt's ids, then end_of_sequence
  bool gated = false;        // steps only as Grant() allows
  int score_chunk = 0;       // log probabilities of a prompt that a step gives; 0 = all
  FakeFaultPlan fault;
  std::function<void()> on_death;
};

class FakeEngine : public EngineInterface {
 public:
  explicit FakeEngine(FakeEngineOptions options);
  ~FakeEngine() override;

  absl::StatusOr<uint64_t> Submit(schedule::Request request, std::shared_ptr<TokenSink> sink) override;
  void Cancel(uint64_t id) override;
  void Park(uint64_t id) override;
  void Unpark(uint64_t id) override;
  void Drain() override;
  EngineStatus Status() const override;
  void ObserveSteps(StepObserver observer) override;
  int64_t NowMicros() const override;

  // Lets `steps` more steps happen; each gives every running sequence one token.
  void Grant(int steps);
  // True once nothing runs or waits; false after `timeout`.
  bool AwaitIdle(absl::Duration timeout) const;
  // True once `count` requests have been submitted since the start; false after `timeout`.
  bool AwaitSubmitted(uint64_t count, absl::Duration timeout) const;
  // True once `count` requests are parked; false after `timeout`.
  bool AwaitParked(int count, absl::Duration timeout) const;
  uint64_t submitted_total() const;
  schedule::Request last_request() const;

  // Output token `offset` (from 0, resumed ones counted) of `request`. Pure.
  static schedule::TokenId TokenAt(const FakeEngineOptions& options, const schedule::Request& request,
                                   int offset);
  // The log probability of the prompt's token `index` given those before it. Pure.
  static float PromptLogprobAt(const schedule::Request& request, int index);

 private:
  struct Sequence {
    schedule::Request request;
    std::shared_ptr<TokenSink> sink;
    int64_t submitted_us = 0, admitted_us = 0, first_token_us = 0, due_us = 0;
    int emitted = 0;  // tokens since it was submitted
    bool started = false, cancelled = false, struck = false, parked = false;
    int scored = 1;  // tokens of the prompt whose log probabilities were given, or that have none
  };
  struct Delivery {
    std::shared_ptr<TokenSink> sink;
    bool starts = false;
    int cached_tokens = 0;
    absl::Duration queue_time;
    bool has_event = false;
    TokenEvent event;
  };

  // Of the prompt, how many tokens (whole blocks) are cached; all of them are from now on.
  int CacheTokens(const schedule::Request& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Run();
  void Admit(int64_t now, std::vector<Delivery>* out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Step(int64_t now, bool may_emit, std::vector<Delivery>* out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Advance(Sequence* sequence, int64_t now, std::vector<Delivery>* out)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Delivery Score(Sequence* sequence) const;
  Delivery End(const Sequence& sequence, int64_t now, TokenEvent event) const;
  void SetParked(uint64_t id, bool parked);
  int Parked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int64_t NextDue() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Strikes(const schedule::Request& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const FakeEngineOptions options_;
  const int64_t began_us_ = NowMicros();
  mutable absl::Mutex mutex_;
  absl::CondVar changed_;
  std::deque<Sequence> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<Sequence> running_ ABSL_GUARDED_BY(mutex_);
  schedule::Request last_ ABSL_GUARDED_BY(mutex_);
  EngineStatus status_ ABSL_GUARDED_BY(mutex_);
  StepObserver observer_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  uint64_t submitted_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t granted_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t last_step_us_ ABSL_GUARDED_BY(mutex_) = 0;
  std::list<uint64_t> cached_ ABSL_GUARDED_BY(mutex_);  // hashes of prefixes, latest first
  int strikes_left_ ABSL_GUARDED_BY(mutex_) = -1;
  bool dead_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace hekla::engine

#endif  // HEKLA_TESTS_SUPPORT_ENGINE_FAKE_FAKE_ENGINE_H_
