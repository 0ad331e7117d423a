#include "worker/worker_server.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "service/runtime/log.h"
#include "service/runtime/status.h"
#include "worker/base/status_macros.h"
#include "worker/load_report.h"

namespace hekla::worker {
namespace {

std::string WithPort(const std::string& address, int port) {
  return absl::StrCat(address.substr(0, address.rfind(':')), ":", port);
}

// Characters that a worker id may not have become '-'.
std::string CleanId(std::string id) {
  for (char& c : id) {
    const bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '.' || c == '_' || c == ':' || c == '-';
    if (!good) c = '-';
  }
  return id.substr(0, 128);
}

std::string HostName() {
  char name[256] = "worker";
  gethostname(name, sizeof(name) - 1);
  return name;
}

void FillLimits(const engine::Limits& limits, int max_queue, v1::Limits* out) {
  out->set_max_context(limits.max_context);
  out->set_max_sequences(limits.max_sequences);
  out->set_max_queue(max_queue);
  out->set_kv_tokens(static_cast<uint64_t>(limits.kv_blocks) * schedule::kBlockTokens);
}

}  // namespace

absl::StatusOr<std::unique_ptr<WorkerServer>> WorkerServer::Start(const WorkerConfig& config,
                                                                  ServedModel model,
                                                                  engine::EngineInterface* engine,
                                                                  const LoadSeconds& load,
                                                                  StreamLimits limits) {
  HEKLA_ASSIGN_OR_RETURN(service::Authenticator authenticator,
                         service::Authenticator::Create(config.token_file, service::TokenUse::kWorker));
  const engine::EngineStatus status = engine->Status();
  FillLimits(status.limits, config.max_queue, model.description.mutable_limits());
  model.description.set_workers(1);
  model.description.set_state_kind(v1::Model::ATTENTION);

  model.description.mutable_limits()->set_max_message_bytes(config.limits.max_message_bytes);
  limits.max_prompt_bytes = config.max_prompt_bytes;
  limits.max_message_bytes = config.limits.max_message_bytes;
  std::unique_ptr<WorkerServer> worker(new WorkerServer());
  worker->service_ =
      std::make_unique<InferenceService>(std::move(model), engine, limits, std::move(authenticator));
  AddWorkerMetrics(engine, load, &worker->metrics_);
  if (!config.metrics_listen.empty()) {
    HEKLA_RETURN_IF_ERROR(service::CheckMayListen(config.metrics_listen, false, config.insecure, "metrics",
                                                  service::kMetricsRemedy));
    HEKLA_RETURN_IF_ERROR(worker->metrics_.Serve(config.metrics_listen));
  }

  service::ServerOptions options;
  options.address = config.listen;
  options.tls_cert_path = config.tls_cert;
  options.tls_key_path = config.tls_key;
  options.tls_client_ca_path = config.tls_client_ca;
  options.insecure = config.insecure;
  options.limits = config.limits;
  options.services = {worker->service_.get(), &worker->service_->dispatch(), &worker->health_};
  HEKLA_ASSIGN_OR_RETURN(worker->server_, service::GrpcServer::Start(options));
  worker->address_ = WithPort(config.listen, worker->server_->port());
  worker->health_.Set("", true);
  worker->health_.Set("hekla.v1.Inference", true);
  worker->health_.Set(absl::StrCat("model/", worker->service_->model().name()), true);
  HEKLA_RETURN_IF_ERROR(worker->StartLinks(config, status.device_name));
  return worker;
}

absl::Status WorkerServer::StartLinks(const WorkerConfig& config, const std::string& device) {
  RouterLinkOptions options;
  v1::Registration& registration = options.registration;
  registration.set_endpoint(config.endpoint.empty() ? address_ : config.endpoint);
  registration.set_worker_id(CleanId(
      config.worker_id.empty() ? absl::StrCat(HostName(), ":", registration.endpoint()) : config.worker_id));
  registration.set_incarnation(absl::ToUnixMicros(absl::Now()));
  *registration.mutable_model() = service_->model();
  registration.set_version("0.1.0");
  registration.set_device(device);
  options.channel.tls_ca_path = config.router_tls_ca;
  options.channel.tls_cert_path = config.router_tls_cert;
  options.channel.tls_key_path = config.router_tls_key;
  options.channel.token_path = config.router_token_file;
  options.channel.insecure = config.insecure;
  InferenceService* service = service_.get();
  options.on_drain = [service](std::optional<absl::Duration> limit) {
    service::Log(service::LogLevel::kInfo, "drain", {{"by", "router"}});
    service->Drain(limit);
  };
  options.on_undrain = [service] {
    service::Log(service::LogLevel::kInfo, "undrain", {{"by", "router"}});
    service->Undrain();
  };
  options.on_cancel = [service](const std::string& request_id) {
    service->inflight().Abort(request_id,
                              service::MakeError(absl::StatusCode::kCancelled, v1::ERROR_REASON_CANCELLED,
                                                 "the request was cancelled by the router"));
  };
  for (const std::string& router : config.routers) {
    options.channel.address = router;
    // Each link its own moving averages.
    options.read_load = [service, reporter = std::make_shared<LoadReporter>()] {
      return reporter->Read(service->engine().Status(), service->draining());
    };
    HEKLA_ASSIGN_OR_RETURN(std::unique_ptr<RouterLink> link, RouterLink::Start(options));
    links_.push_back(std::move(link));
  }
  return absl::OkStatus();
}

bool WorkerServer::attached_to_all() const {
  for (const std::unique_ptr<RouterLink>& link : links_) {
    if (!link->attached()) return false;
  }
  return true;
}

bool WorkerServer::Drain(absl::Duration limit) {
  service_->Drain(std::nullopt);
  health_.Shutdown();
  for (const std::unique_ptr<RouterLink>& link : links_) link->ReportNow();
  const bool done = service_->inflight().AwaitEmpty(limit);
  if (!done) {
    service_->inflight().AbortAll(service::MakeError(absl::StatusCode::kUnavailable,
                                                     v1::ERROR_REASON_DRAINING, "the worker is going down"));
    service_->inflight().AwaitEmpty(absl::Seconds(1));
  }
  service_->calls().AwaitPresent(absl::Seconds(1));
  links_.clear();
  return done;
}

WorkerServer::~WorkerServer() {
  links_.clear();
  if (server_ != nullptr) server_->Shutdown(absl::ZeroDuration());
  if (service_ != nullptr) service_->engine().ObserveSteps({});
  metrics_.Stop();
}

}  // namespace hekla::worker
