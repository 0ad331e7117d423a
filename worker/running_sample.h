// One sample of a request, as a stream holds it: engine id, queue of events, text.
//
// Thread rule: the owner, under the owner's lock. Lifetime: the request's context and ReadRequest outlive it;
// the destructor cancels what the engine still runs.
#ifndef HEKLA_WORKER_RUNNING_SAMPLE_H_
#define HEKLA_WORKER_RUNNING_SAMPLE_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "service/runtime/auth.h"
#include "service/runtime/connection_limits.h"
#include "service/runtime/open_calls.h"
#include "service/runtime/prompt_limit.h"
#include "worker/engine/engine_interface.h"
#include "worker/generation.h"
#include "worker/inflight.h"
#include "worker/request_reader.h"
#include "worker/token_queue.h"
#include "worker/write_loop.h"

namespace hekla::worker {

struct StreamLimits {
  int max_tokens = 256;                        // waiting for one sample's writes; with more it is parked
  absl::Duration grace = absl::Seconds(30);    // a stream that is parked so long without a read is cancelled
  absl::Duration cut_off = absl::Seconds(10);  // its client has so long to read why; then the call is cut off
  int max_prompt_bytes = service::kMaxPromptBytes;  // of one request's text
  int max_message_bytes = service::kMaxMessageBytes;  // of one message to a router
};

// What a request needs to run; outlives every request.
struct ServiceContext {
  ServedModel model;
  engine::EngineInterface* engine = nullptr;
  WriteLoop* loop = nullptr;
  Inflight* inflight = nullptr;
  service::OpenCalls* calls = nullptr;
  StreamLimits limits;
  service::Authenticator authenticator;
  std::atomic<bool> draining{false};  // no new requests

  // UNAUTHENTICATED, PERMISSION_DENIED. Every method but ListModels calls it first.
  absl::Status CheckCaller(const grpc::CallbackServerContext& call) const;
};

class RunningSample {
 public:
  // Sample `index` of the request, from 0.
  RunningSample(const ServiceContext* context, const ReadRequest* request, int index,
                std::weak_ptr<WriteTask> owner);
  ~RunningSample();

  // `engine_request` is that of sample 0. Nothing is submitted when the resumed ids hold the end, but for the
  // prompt's log probabilities. Errors: the engine's.
  absl::Status Submit(schedule::Request engine_request);

  // Takes in what the engine has said since. An error is the request's end: CANCELLED, DEADLINE_EXCEEDED or
  // INTERNAL. `arm`: if nothing had come, the owner is posted when it does. *took is set if something came.
  absl::Status Poll(absl::Time now, bool arm, bool* took);

  // No more of this: the engine is told. Twice does nothing.
  void Stop();

  bool started() const { return started_; }
  absl::Duration queue_time() const { return queue_time_; }
  int cached_tokens() const { return cached_tokens_; }
  // Infinite future before it came.
  absl::Time first_token() const { return first_token_ == absl::Time() ? absl::InfiniteFuture() : first_token_; }
  // The client reads too slowly; taking what waits (Poll) lets the engine go on.
  bool parked() const { return queue_->parked(); }
  const Generation& generation() const { return generation_; }
  void TakePrompt(v1::Prompt* out) { generation_.TakePrompt(out); }

  // A delta should go out now, as the request's coalescing has it.
  bool DeltaIsDue(absl::Time now) const;
  void TakeDelta(v1::Delta* out);
  // When DeltaIsDue will say so without an event; infinite future if never.
  absl::Time NextDue() const;

  // The end came and was not taken.
  bool FinishedIsDue() const { return generation_.ended() && !finished_taken_; }
  bool finished_taken() const { return finished_taken_; }
  void TakeFinished(v1::Finished* out);

 private:
  const ServiceContext* const context_;
  const ReadRequest* const request_;
  const int index_;
  const absl::Time created_;
  Generation generation_;
  std::shared_ptr<TokenQueue> queue_;
  uint64_t engine_id_ = 0;  // 0 = not submitted
  bool started_ = false, engine_ended_ = false, finished_taken_ = false;
  absl::Duration queue_time_;
  int cached_tokens_ = 0;
  bool engine_timed_ = false;  // the engine said how long the phases took
  absl::Time first_token_, last_token_;
  absl::Time delta_since_ = absl::InfiniteFuture();
};

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_RUNNING_SAMPLE_H_
