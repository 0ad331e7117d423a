#include "service/router/admin_service.h"

#include <utility>

#include "service/runtime/log.h"
#include "service/runtime/status.h"
#include "worker/base/status_macros.h"

namespace hekla::service {

template <typename Answer>
grpc::ServerUnaryReactor* AdminService::Serve(grpc::CallbackServerContext* context, Answer answer) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::Status status = authenticator_->Check(*context).status();
  if (status.ok()) status = answer();
  reactor->Finish(ToGrpc(status));
  return reactor;
}

grpc::ServerUnaryReactor* AdminService::ListWorkers(grpc::CallbackServerContext* context,
                                                    const v1::ListWorkersRequest*,
                                                    v1::ListWorkersResponse* response) {
  return Serve(context, [&] {
    for (const std::shared_ptr<Worker>& worker : registry_->All()) *response->add_workers() = worker->State();
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminService::Drain(grpc::CallbackServerContext* context,
                                              const v1::DrainRequest* request, v1::DrainResponse* response) {
  return Serve(context, [&]() -> absl::Status {
    HEKLA_ASSIGN_OR_RETURN(std::shared_ptr<Worker> worker, registry_->Find(request->worker_id()));
    registry_->SetDraining(*worker, true);
    v1::RouterCommand command;
    if (request->has_limit()) *command.mutable_drain()->mutable_limit() = request->limit();
    command.mutable_drain();
    worker->Send(command);
    response->set_inflight(static_cast<uint32_t>(worker->inflight()));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminService::Undrain(grpc::CallbackServerContext* context,
                                                const v1::UndrainRequest* request, v1::UndrainResponse*) {
  return Serve(context, [&]() -> absl::Status {
    HEKLA_ASSIGN_OR_RETURN(std::shared_ptr<Worker> worker, registry_->Find(request->worker_id()));
    v1::RouterCommand command;
    command.mutable_undrain();
    worker->Send(command);
    registry_->SetDraining(*worker, false);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminService::Remove(grpc::CallbackServerContext* context,
                                               const v1::RemoveRequest* request,
                                               v1::RemoveResponse* response) {
  return Serve(context, [&]() -> absl::Status {
    HEKLA_ASSIGN_OR_RETURN(std::shared_ptr<Worker> worker, registry_->Find(request->worker_id()));
    response->set_moved(static_cast<uint32_t>(worker->inflight()));
    registry_->Remove(worker, "removed");
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminService::ListInFlight(grpc::CallbackServerContext* context,
                                                     const v1::ListInFlightRequest*,
                                                     v1::ListInFlightResponse* response) {
  return Serve(context, [&] {
    for (v1::InFlight& request : inflight_->List()) *response->add_requests() = std::move(request);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminService::Cancel(grpc::CallbackServerContext* context,
                                               const v1::CancelRequest* request, v1::CancelResponse*) {
  return Serve(context, [&] {
    Log(LogLevel::kInfo, "operator_cancel", {{"request", request->request_id()}});
    return inflight_->Cancel(request->request_id(),
                             MakeError(absl::StatusCode::kCancelled, v1::ERROR_REASON_CANCELLED,
                                       "an operator cancelled the request"));
  });
}

}  // namespace hekla::service
