// All that a worker shows to the outside: the service, health, reflection, /metrics and the links to the
// routers. It knows an engine and a model only by their interfaces, so a test program can serve a fake one.
//
// Thread rule: Start, Drain and the destructor from one thread. Lifetime: engine and tokenizer outlive it.
#ifndef HEKLA_WORKER_WORKER_SERVER_H_
#define HEKLA_WORKER_WORKER_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "service/runtime/grpc_server.h"
#include "service/runtime/health_service.h"
#include "service/runtime/metrics.h"
#include "worker/config.h"
#include "worker/inference_service.h"
#include "worker/metrics_source.h"
#include "worker/router_link.h"

namespace hekla::worker {

class WorkerServer {
 public:
  // Listens, then attaches. The description's limits are filled in from the engine's. Errors: as
  // GrpcServer::Start, Metrics::Serve and RouterLink::Start.
  static absl::StatusOr<std::unique_ptr<WorkerServer>> Start(const WorkerConfig& config, ServedModel model,
                                                             engine::EngineInterface* engine,
                                                             const LoadSeconds& load,
                                                             StreamLimits limits = {});
  ~WorkerServer();

  // "HOST:PORT" with the port that was taken.
  const std::string& address() const { return address_; }
  int metrics_port() const { return metrics_.port(); }
  InferenceService& service() { return *service_; }
  bool attached_to_all() const;

  // Refuses new work, tells the routers, waits until all in flight is done or `limit` is over, then ends it and
  // leaves the routers. New calls are refused for as long as the server is there. True: all was done in time.
  bool Drain(absl::Duration limit);

 private:
  WorkerServer() = default;
  absl::Status StartLinks(const WorkerConfig& config, const std::string& device);

  std::string address_;
  service::HealthService health_;
  service::Metrics metrics_;
  std::unique_ptr<InferenceService> service_;
  std::unique_ptr<service::GrpcServer> server_;
  std::vector<std::unique_ptr<RouterLink>> links_;
};

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_WORKER_SERVER_H_
