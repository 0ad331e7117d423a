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
#include "worker/engine/engine_interface.h"
#include "worker/generation.h"
#include "worker/inflight.h"
#include "worker/request_reader.h"
#include "worker/token_queue.h"
#include "worker/write_loop.h"

namespace hekla::worker {

struct StreamLimits {
  int max_tokens = 256;  // waiting for one request's writes; with more its sequence is parked
  absl::Duration grace = absl::Seconds(30);    // a stream that is parked so long without a read is cancelled
  absl::Duration cut_off = absl::Seconds(10);  // its client has so long to read why; then the call is cut off
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
};

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
  // RESOURCE_EXHAUSTED QUEUE_TIMEOUT, INTERNAL, or what Abort said. `arm`: if nothing had
  // come, the owner is posted when it does. *took says whether something came.
  absl::Status Poll(absl::Time now, bool arm, bool* took);

  // No more of this: the engine is told, the id is free. Twice does nothing.
  void Stop();

  bool started() const { return started_; }
  // The client reads too slowly; taking what waits (Poll) lets the engine go on.
  bool parked() const { return queue_->parked(); }
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
  RunningRequest(const ServiceContext* context, ReadRequest request, std::weak_ptr<WriteTask> owner);
  absl::Status Submit(absl::Time deadline);

  const ServiceContext* const context_;
  const ReadRequest request_;
  const std::weak_ptr<WriteTask> owner_;
  const absl::Time created_;
  Generation generation_;
  std::shared_ptr<TokenQueue> queue_;
  uint64_t engine_id_ = 0;  // 0 = not submitted
  bool registered_ = false, started_ = false, engine_ended_ = false;
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
