// A request from the engine's acceptance to its end, as a reactor holds it: engine id, queue of events, text.
//
// Thread rule: Abort from any thread; the rest from the owner, under the owner's lock. Lifetime: the
// destructor cancels what the engine still runs and frees the request id.
#ifndef HEKLA_WORKER_RUNNING_REQUEST_H_
#define HEKLA_WORKER_RUNNING_REQUEST_H_

#include <atomic>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "service/runtime/auth.h"
#include "service/runtime/prompt_limit.h"
#include "service/runtime/trace_context.h"
#include "worker/engine/engine_interface.h"
#include "worker/generation.h"
#include "worker/inflight.h"
#include "worker/request_reader.h"
#include "worker/token_queue.h"
#include "worker/write_loop.h"

namespace hekla::worker {

struct StreamLimits {
  int soft_tokens =
      1024;  // waiting for one stream: the client counts as slow once its write is also `grace` old
  int hard_tokens = 65536;  // waiting for one stream: it is cancelled at once
  absl::Duration grace = absl::Seconds(10);
  int max_prompt_bytes = service::kMaxPromptBytes;  // of one request's text
};

// What a request needs to run; outlives every request.
struct ServiceContext {
  ServedModel model;
  engine::EngineInterface* engine = nullptr;
  WriteLoop* loop = nullptr;
  Inflight* inflight = nullptr;
  StreamLimits limits;
  service::Authenticator authenticator;
  std::atomic<bool> draining{false};  // no new requests

  // UNAUTHENTICATED, PERMISSION_DENIED. Every method but ListModels calls it first.
  absl::Status CheckCaller(const grpc::CallbackServerContext& call) const;
};

// The line in the log of a request that was refused.
void LogRefusal(const std::string& request_id, const service::TraceContext& trace,
                const absl::Status& status);

class RunningRequest : public Abortable {
 public:
  // Draws a seed if the request has none, registers the id and submits. `request.request_id` must not be
  // empty. `deadline` may be infinite. Errors: ALREADY_EXISTS DUPLICATE_REQUEST; RESOURCE_EXHAUSTED
  // QUEUE_FULL (try again later); UNAVAILABLE DRAINING; INVALID_ARGUMENT NEVER_FITS; INTERNAL DEVICE_LOST.
  static absl::StatusOr<std::shared_ptr<RunningRequest>> Start(const ServiceContext* context,
                                                               ReadRequest request, absl::Time deadline,
                                                               std::weak_ptr<WriteTask> owner);
  ~RunningRequest() override;
  void Abort(absl::Status status) override;

  // Takes in what the engine has said since. An error is the request's end: CANCELLED, DEADLINE_EXCEEDED,
  // RESOURCE_EXHAUSTED QUEUE_TIMEOUT or SLOW_CONSUMER, INTERNAL, or what Abort said. `arm`: if nothing had
  // come, the owner is posted when it does. *took says whether something came.
  absl::Status Poll(absl::Time now, bool arm, bool* took);

  // No more of this: the engine is told, the id is free, the end is logged. Twice does nothing.
  void Stop();

  bool started() const { return started_; }
  TokenQueue::Fill fill() const { return queue_->fill(); }
  // A delta should go out now, as the request's coalescing has it.
  bool DeltaIsDue(absl::Time now) const;
  void TakeDelta(v1::Delta* out);
  // When Poll or DeltaIsDue will have news without an event; infinite future if never.
  absl::Time NextDue() const;

  void FillStarted(v1::Started* out) const { generation_.FillStarted(queue_time_, cached_tokens_, out); }
  // Only when generation().ended().
  void FillFinished(v1::Finished* out) const;
  const Generation& generation() const { return generation_; }
  const ReadRequest& request() const { return request_; }

 private:
  RunningRequest(const ServiceContext* context, ReadRequest request, absl::Time deadline,
                 std::weak_ptr<WriteTask> owner);
  absl::Status Submit();
  absl::Status TakeEvents(absl::Time now, bool arm, bool* took);
  void LogEnd() const;

  const ServiceContext* const context_;
  const ReadRequest request_;
  const std::weak_ptr<WriteTask> owner_;
  const absl::Time created_;
  const absl::Time deadline_;
  Generation generation_;
  std::shared_ptr<TokenQueue> queue_;
  uint64_t engine_id_ = 0;  // 0 = not submitted
  bool registered_ = false, started_ = false, engine_ended_ = false;
  absl::Status end_;  // what Poll ended with
  absl::Duration queue_time_;
  int cached_tokens_ = 0;
  bool engine_timed_ = false;  // the engine said how long the phases took
  absl::Time first_token_, last_token_;
  absl::Time delta_since_ = absl::InfiniteFuture();

  absl::Mutex abort_mutex_;
  absl::Status abort_ ABSL_GUARDED_BY(abort_mutex_);
};

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_RUNNING_REQUEST_H_
