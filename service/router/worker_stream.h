// One Generate request at a worker, over the exchange with it. Made with shared ownership: it lives as long as
// the exchange or a caller holds it.
#ifndef HEKLA_SERVICE_ROUTER_WORKER_STREAM_H_
#define HEKLA_SERVICE_ROUTER_WORKER_STREAM_H_

#include <deque>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "hekla/v1/dispatch.pb.h"
#include "hekla/v1/inference.pb.h"
#include "service/router/delivery_loop.h"
#include "service/router/worker_exchange.h"
#include "service/router/worker_registry.h"
#include "service/runtime/trace_context.h"

namespace hekla::service {

class WorkerStream final : public std::enable_shared_from_this<WorkerStream> {
 public:
  // Calls come one at a time, on gRPC's threads or the DeliveryLoop's, without locks held.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void OnWorkerResponse(v1::GenerateResponse response) = 0;  // Read() asks for the next one
    virtual void OnStreamDone(absl::Status status) = 0;                // last
  };

  WorkerStream(std::shared_ptr<Worker> worker, v1::GenerateRequest request, absl::Time deadline,
               const TraceContext& trace, std::shared_ptr<Listener> listener, DeliveryLoop* deliveries);

  // Sends the request and asks for the first response. Once.
  void Start();
  // Once for each response that was taken; allowed from outside OnWorkerResponse, and with the caller's locks
  // held. While nobody asks, the worker is told to pause.
  void Read();
  // The worker is told to end it; OnStreamDone() follows when it has, provided that a Read() is outstanding or
  // comes. Any thread, also before Start().
  void Cancel();
  // The same without waiting for the worker: OnStreamDone() follows soon, with CANCELLED. Any thread, also
  // before Start().
  void Abandon();

  // Of the exchange, one at a time; OnEnd() is the last.
  void OnResponse(v1::GenerateResponse response);
  void OnEnd(absl::Status status);

 private:
  void Deliver();
  void DeliverSoon();
  // Takes what is due. False: nothing, or somebody delivers already.
  bool TakeNext(v1::GenerateResponse* response, std::optional<absl::Status>* end);
  void LookAtReading() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The worker is to end it and is not listened to any more.
  void LeaveWorker() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Send(v1::DispatchCommand command) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::shared_ptr<Worker> worker_;
  const absl::Time deadline_;
  const std::shared_ptr<Listener> listener_;
  DeliveryLoop* const deliveries_;

  absl::Mutex mutex_;
  v1::DispatchCommand::Start start_ ABSL_GUARDED_BY(mutex_);  // until it was sent
  WorkerExchange::Line line_ ABSL_GUARDED_BY(mutex_);
  std::deque<v1::GenerateResponse> waiting_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);  // after what waits
  bool wants_read_ ABSL_GUARDED_BY(mutex_) = true;
  bool is_delivering_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_paused_ ABSL_GUARDED_BY(mutex_) = false;     // the worker was told so
  bool is_cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_abandoned_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_done_ ABSL_GUARDED_BY(mutex_) = false;       // OnStreamDone() was called, or is
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_WORKER_STREAM_H_
