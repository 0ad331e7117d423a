// hekla.v1.Attachment: the lease streams of workers. Must outlive its server; Shutdown() ends the leases
// first.
#ifndef HEKLA_SERVICE_ROUTER_ATTACHMENT_SERVICE_H_
#define HEKLA_SERVICE_ROUTER_ATTACHMENT_SERVICE_H_

#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "hekla/v1/worker.grpc.pb.h"
#include "service/router/worker_registry.h"
#include "service/runtime/auth.h"
#include "service/runtime/channel.h"

namespace hekla::service {

// Thread-safe.
class AttachmentService final : public v1::Attachment::CallbackService {
 public:
  // `to_worker`: how workers are called back; its address is replaced by the worker's endpoint.
  AttachmentService(WorkerRegistry* registry, const Authenticator* authenticator, ChannelOptions to_worker);

  grpc::ServerBidiReactor<v1::WorkerReport, v1::RouterCommand>* Attach(
      grpc::CallbackServerContext* context) override;

  // Ends every lease with UNAVAILABLE DRAINING and takes no new ones.
  void Shutdown();

 private:
  class Lease;

  WorkerRegistry* const registry_;
  const Authenticator* const authenticator_;
  const ChannelOptions to_worker_;
  const std::string router_id_;
  absl::Mutex mutex_;
  std::set<Lease*> leases_ ABSL_GUARDED_BY(mutex_);
  bool shut_down_ ABSL_GUARDED_BY(mutex_) = false;
};

// Where to call a worker that gave `endpoint` and dialled from gRPC's `peer`: an unspecified host becomes the
// peer's. INVALID_ARGUMENT: no HOST:PORT, or an unspecified host and a peer without an address.
absl::StatusOr<std::string> WorkerEndpoint(const std::string& endpoint, const std::string& peer);

// The fields of a registration: INVALID_ARGUMENT INVALID_FIELD.
absl::Status CheckRegistration(const v1::Registration& registration);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_ATTACHMENT_SERVICE_H_
