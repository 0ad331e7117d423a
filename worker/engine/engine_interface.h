// What the worker's service needs of an engine. Two make it true: Engine (a model on a device) and FakeEngine (tests).
#ifndef HEKLA_WORKER_ENGINE_ENGINE_INTERFACE_H_
#define HEKLA_WORKER_ENGINE_ENGINE_INTERFACE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "worker/engine/executor.h"
#include "worker/schedule/request.h"

namespace hekla::engine {

// One step's news of one request. `tokens` are in order; token_offset counts output tokens from 0 (a resumed request goes on
// after its resumed ids). The last event has finish != kNone and may carry no token.
struct TokenEvent {
  int token_offset = 0;
  std::vector<schedule::TokenId> tokens;
  std::vector<float> logprobs;                                 // beside tokens, if asked for
  std::vector<std::vector<schedule::TokenLogprob>> top_logprobs;  // beside tokens, if asked for
  // Of the prompt's next tokens, from its second on, if asked for: as they are computed, all before the first of `tokens`.
  std::vector<float> prompt_logprobs;
  std::vector<std::vector<schedule::TokenLogprob>> prompt_top_logprobs;  // beside prompt_logprobs
  schedule::FinishReason finish = schedule::FinishReason::kNone;
  absl::Status error;                                          // with finish == kError
  absl::Duration queue_time, prefill_time, decode_time;        // set with the last event
  int cached_tokens = 0;
};

// Receives a request's events on the engine's thread: it must not block. OnStarted comes once, before the first token, when the
// scheduler has admitted the request.
class TokenSink {
 public:
  virtual ~TokenSink() = default;
  virtual void OnStarted(absl::Duration queue_time, int cached_tokens) = 0;
  virtual void OnTokens(TokenEvent event) = 0;
};

// A snapshot for load reports and metrics. All counts are of this moment unless they end in _total.
struct EngineStatus {
  Limits limits;
  int running = 0, waiting = 0, parked = 0;    // each request in one of them
  int kv_blocks_used = 0;
  int64_t queued_uncached_tokens = 0;          // prompt tokens waiting or not yet computed
  uint64_t steps_total = 0, preemptions_total = 0, cancelled_total = 0, parks_total = 0;
  uint64_t prefill_tokens_total = 0, decode_tokens_total = 0;  // prompt tokens computed, output tokens delivered
  uint64_t prompt_tokens_total = 0, shared_tokens_total = 0;   // of requests that were started; of those, with shared KV memory
  double prefill_step_seconds = 0, decode_step_seconds = 0, mixed_step_seconds = 0;  // sums
  uint64_t prefill_steps_total = 0, decode_steps_total = 0, mixed_steps_total = 0;
  double step_seconds_ewma = 0;
  absl::Duration last_step_age;                // since the last finished step; zero when no work is present but what is parked
  PhaseSeconds phases;                         // sums over all steps
  uint64_t device_memory_bytes = 0, device_bytes_read = 0;
  uint64_t device_memory_budget_bytes = 0;     // 0 = not known
  KernelCounts kernels;
  bool device_lost = false;                    // the engine has ended with an error
  std::string device_name;
  bool draining = false;
};

// A finished step, for histograms. By its rows it is of prompts, of new tokens, or of both.
enum class StepKind { kPrefill, kDecode, kMixed };
struct StepRecord {
  StepKind kind = StepKind::kPrefill;
  double seconds = 0;
  PhaseSeconds phases;
  int tokens = 0;     // rows
  int sequences = 0;  // that have rows in it
};
using StepObserver = std::function<void(const StepRecord&)>;

class EngineInterface {
 public:
  virtual ~EngineInterface() = default;

  // Takes the request (Request::id is filled in) and returns its id. Errors: INVALID_ARGUMENT never fits (names the limit),
  // RESOURCE_EXHAUSTED queue full, UNAVAILABLE draining. Any thread.
  virtual absl::StatusOr<uint64_t> Submit(schedule::Request request, std::shared_ptr<TokenSink> sink) = 0;

  // The request ends at the next step with finish == kCancelled. Unknown or finished ids are ignored. Any thread.
  virtual void Cancel(uint64_t id) = 0;

  // The request's reader is behind: from the next step on nothing is computed for it, and whoever else needs its memory takes
  // it. Unpark: it goes on where it was; its output does not change. Of several calls the last one counts. Unknown or finished ids
  // are ignored. Any thread.
  virtual void Park(uint64_t id) = 0;
  virtual void Unpark(uint64_t id) = 0;

  // Refuses new requests from now on; running ones finish. Any thread.
  virtual void Drain() = 0;

  virtual EngineStatus Status() const = 0;

  // From now on `observer` hears of every step, on the engine's thread: it must not block. Empty: nobody does. When this returns
  // the observer before is called no more. Any thread but the engine's.
  virtual void ObserveSteps(StepObserver observer) = 0;

  // Now on the clock of Request::deadline_us.
  virtual int64_t NowMicros() const = 0;
};

}  // namespace hekla::engine

#endif  // HEKLA_WORKER_ENGINE_ENGINE_INTERFACE_H_
