// One Generate call at a worker, over gRPC's callback interface. It deletes itself after OnStreamDone().
#ifndef HEKLA_SERVICE_ROUTER_WORKER_STREAM_H_
#define HEKLA_SERVICE_ROUTER_WORKER_STREAM_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "hekla/v1/inference.grpc.pb.h"
#include "service/router/worker_registry.h"
#include "service/runtime/trace_context.h"

namespace hekla::service {

class WorkerStream final : public grpc::ClientReadReactor<v1::GenerateResponse> {
 public:
  // Calls come one at a time, on gRPC's threads.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void OnWorkerResponse(v1::GenerateResponse response) = 0;  // Read() asks for the next one
    virtual void OnStreamDone(absl::Status status) = 0;                // last
  };

  WorkerStream(std::shared_ptr<Worker> worker, v1::GenerateRequest request, absl::Time deadline,
               const TraceContext& trace, std::shared_ptr<Listener> listener);

  // Begins the call and reads the first response.
  void Start();
  // Once for each response that was taken; allowed from outside OnWorkerResponse.
  void Read() { StartRead(&response_); }
  // OnStreamDone() follows soon, provided that a Read() is outstanding or comes. Any thread.
  void Cancel() { context_.TryCancel(); }

 private:
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  const std::shared_ptr<Worker> worker_;
  const v1::GenerateRequest request_;
  const std::shared_ptr<Listener> listener_;
  grpc::ClientContext context_;
  v1::GenerateResponse response_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_WORKER_STREAM_H_
