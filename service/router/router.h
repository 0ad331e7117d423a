// The router put together: servers, workers, queue, metrics. Start to finish:
//   auto router = Router::Start(config);   // serves
//   (*router)->Drain();                    // after SIGTERM: finishes what runs, up to the drain limit
#ifndef HEKLA_SERVICE_ROUTER_ROUTER_H_
#define HEKLA_SERVICE_ROUTER_ROUTER_H_

#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "service/router/admin_service.h"
#include "service/router/attachment_service.h"
#include "service/router/config.h"
#include "service/router/dispatcher.h"
#include "service/router/inference_front.h"
#include "service/router/inflight_table.h"
#include "service/router/poison_table.h"
#include "service/router/retry_budget.h"
#include "service/router/router_metrics.h"
#include "service/router/static_workers.h"
#include "service/router/token_quotas.h"
#include "service/router/worker_registry.h"
#include "service/router/worker_supervisor.h"
#include "service/runtime/auth.h"
#include "service/runtime/grpc_server.h"
#include "service/runtime/health_service.h"
#include "service/runtime/metrics.h"
#include "service/runtime/open_calls.h"

namespace hekla::service {

class Router {
 public:
  // Errors: those of the configuration, of GrpcServer::Start and of Metrics::Serve.
  static absl::StatusOr<std::unique_ptr<Router>> Start(const RouterConfig& config);
  // Ends at once what still runs.
  ~Router();

  // NOT_SERVING, the pre-stop wait, no new requests; waits up to the drain limit for those that run and
  // cancels the rest with UNAVAILABLE DRAINING; ends the workers it started. Clients have been sent all there
  // is for them when it returns. Once.
  void Drain();

  // Takes over what may change while it runs: the limits of the queue and of slow clients, the static workers.
  void Reload(const RouterConfig& config);

  int port() const { return server_->port(); }
  int admin_port() const { return admin_server_->port(); }
  int metrics_port() const { return metrics_.port(); }  // 0 = none
  const WorkerRegistry& registry() const { return registry_; }
  const Metrics& metrics() const { return metrics_; }

 private:
  Router(const RouterConfig& config, Authenticator clients, Authenticator operators);
  absl::Status StartServers();
  void OnWorkersChanged();
  void AddGauges();
  void TickLoop();

  const RouterConfig config_;
  const Authenticator clients_, operators_;
  Metrics metrics_;
  RouterMetrics router_metrics_;
  HealthService health_, admin_health_;
  WorkerRegistry registry_;
  InFlightTable inflight_;
  OpenCalls calls_;
  RelayLimits limits_;
  RetryBudget budget_;
  PoisonTable poison_;
  Dispatcher dispatcher_;
  TokenQuotas quotas_;
  DeliveryLoop deliveries_;
  InferenceFront inference_;
  AdminService admin_;
  AttachmentService attachment_;
  std::unique_ptr<GrpcServer> server_, admin_server_;
  std::unique_ptr<StaticWorkers> static_workers_;
  std::unique_ptr<WorkerSupervisor> supervisor_;  // of --spawn-workers, else null
  absl::Notification stop_ticks_;
  std::thread tick_thread_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_ROUTER_H_
