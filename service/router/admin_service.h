// hekla.v1.Admin: what operators see and do. Must outlive its server.
#ifndef HEKLA_SERVICE_ROUTER_ADMIN_SERVICE_H_
#define HEKLA_SERVICE_ROUTER_ADMIN_SERVICE_H_

#include "hekla/v1/admin.grpc.pb.h"
#include "service/router/inflight_table.h"
#include "service/router/worker_registry.h"
#include "service/runtime/auth.h"

namespace hekla::service {

// Thread-safe.
class AdminService final : public v1::Admin::CallbackService {
 public:
  AdminService(WorkerRegistry* registry, InFlightTable* inflight, const Authenticator* authenticator)
      : registry_(registry), inflight_(inflight), authenticator_(authenticator) {}

  grpc::ServerUnaryReactor* ListWorkers(grpc::CallbackServerContext* context,
                                        const v1::ListWorkersRequest* request,
                                        v1::ListWorkersResponse* response) override;
  grpc::ServerUnaryReactor* Drain(grpc::CallbackServerContext* context, const v1::DrainRequest* request,
                                  v1::DrainResponse* response) override;
  grpc::ServerUnaryReactor* Undrain(grpc::CallbackServerContext* context, const v1::UndrainRequest* request,
                                    v1::UndrainResponse* response) override;
  grpc::ServerUnaryReactor* Remove(grpc::CallbackServerContext* context, const v1::RemoveRequest* request,
                                   v1::RemoveResponse* response) override;
  grpc::ServerUnaryReactor* ListInFlight(grpc::CallbackServerContext* context,
                                         const v1::ListInFlightRequest* request,
                                         v1::ListInFlightResponse* response) override;
  grpc::ServerUnaryReactor* Cancel(grpc::CallbackServerContext* context, const v1::CancelRequest* request,
                                   v1::CancelResponse* response) override;

 private:
  // Runs `answer` if the caller may call, and finishes the call with its status.
  template <typename Answer>
  grpc::ServerUnaryReactor* Serve(grpc::CallbackServerContext* context, Answer answer);

  WorkerRegistry* const registry_;
  InFlightTable* const inflight_;
  const Authenticator* const authenticator_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_ADMIN_SERVICE_H_
