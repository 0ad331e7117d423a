#include "service/router/router.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "service/router/stream_end.h"
#include "service/runtime/log.h"
#include "service/runtime/status.h"
#include "service/runtime/version.h"
#include "worker/base/status_macros.h"

namespace hekla::service {
namespace {

constexpr absl::Duration kLongestTick = absl::Milliseconds(250);
// For calls that have ended to deliver their last message.
constexpr absl::Duration kLastWriteLimit = absl::Seconds(2);

struct PhaseLabel {
  v1::InFlight::Phase phase;
  const char* label;
};
constexpr std::array<PhaseLabel, 3> kPhases = {
    {{v1::InFlight::QUEUED, "queued"}, {v1::InFlight::PREFILL, "prefill"}, {v1::InFlight::DECODE, "decode"}}};

std::string StateLabel(const Worker& worker) {
  return absl::AsciiStrToLower(v1::WorkerState::State_Name(worker.State().state()));
}

double Seconds(const google::protobuf::Duration& duration) {
  return static_cast<double>(duration.seconds()) + duration.nanos() * 1e-9;
}

ChannelOptions ToWorker(const RouterConfig& config) {
  ChannelOptions options = config.to_worker;
  options.insecure = config.insecure;
  options.max_message_bytes = config.limits.max_message_bytes;
  return options;
}

}  // namespace

Router::Router(const RouterConfig& config, Authenticator clients, Authenticator operators)
    : config_(config),
      clients_(std::move(clients)),
      operators_(std::move(operators)),
      router_metrics_(&metrics_),
      registry_([this] { OnWorkersChanged(); }, {config.breaker, {config.stall_limit, config.stall_steps}}),
      limits_({config.queue_timeout, config.slow_client_limit}),
      poison_(config.poison_time),
      dispatcher_({config.max_queued_requests, config.worker_wait}, &registry_),
      inference_({&registry_, &dispatcher_, &deliveries_, &inflight_, &calls_, &router_metrics_, &budget_, &poison_, &limits_, &quotas_,
                  config.max_prompt_bytes},
                 &clients_),
      admin_(&registry_, &inflight_, &operators_),
      attachment_(&registry_, &operators_, ToWorker(config)) {
  health_.Set("", false);
  health_.Set("hekla.v1.Inference", false);
  admin_health_.Set("", true);
  admin_health_.Set("hekla.v1.Admin", true);
  registry_.OnDetect([this](double seconds) { router_metrics_.worker_detect_seconds->Observe(seconds); });
  AddGauges();
  tick_thread_ = std::thread([this] { TickLoop(); });
}

absl::StatusOr<std::unique_ptr<Router>> Router::Start(const RouterConfig& config) {
  HEKLA_RETURN_IF_ERROR(config.Validate());
  HEKLA_ASSIGN_OR_RETURN(Authenticator clients, Authenticator::Create(config.token_file, TokenUse::kRouter));
  HEKLA_ASSIGN_OR_RETURN(Authenticator operators,
                         Authenticator::Create(config.admin_token_file, TokenUse::kOperator));
  std::unique_ptr<Router> router(new Router(config, std::move(clients), std::move(operators)));
  HEKLA_RETURN_IF_ERROR(router->StartServers());
  if (config.spawn_workers > 0) {
    HEKLA_ASSIGN_OR_RETURN(router->supervisor_,
                           WorkerSupervisor::Start(config, router->admin_port(), &router->metrics_));
  }
  return router;
}

absl::Status Router::StartServers() {
  ServerOptions options;
  options.tls_cert_path = config_.tls_cert;
  options.tls_key_path = config_.tls_key;
  options.tls_client_ca_path = config_.tls_client_ca;
  options.insecure = config_.insecure;
  options.limits = config_.limits;
  options.address = config_.admin_listen;
  options.services = {&admin_, &attachment_, &admin_health_};
  HEKLA_ASSIGN_OR_RETURN(admin_server_, GrpcServer::Start(options));
  options.address = config_.listen;
  options.services = {&inference_, &health_};
  HEKLA_ASSIGN_OR_RETURN(server_, GrpcServer::Start(options));
  if (!config_.metrics_listen.empty()) {
    HEKLA_RETURN_IF_ERROR(
        CheckMayListen(config_.metrics_listen, false, config_.insecure, "metrics", kMetricsRemedy));
    HEKLA_RETURN_IF_ERROR(metrics_.Serve(config_.metrics_listen));
  }
  static_workers_ = std::make_unique<StaticWorkers>(
      config_.workers, StaticWorkers::Options{.to_worker = ToWorker(config_)}, &registry_);
  return absl::OkStatus();
}

Router::~Router() {
  stop_ticks_.Notify();
  tick_thread_.join();
  metrics_.Stop();
  supervisor_.reset();
  health_.Shutdown();
  admin_health_.Shutdown();
  static_workers_.reset();
  inflight_.CancelAll(DrainingError());
  if (server_ != nullptr) server_->Shutdown(kLastWriteLimit);
  attachment_.Shutdown();
  if (admin_server_ != nullptr) admin_server_->Shutdown(kLastWriteLimit);
}

void Router::Drain() {
  Log(LogLevel::kInfo, "draining",
      {{"inflight", inflight_.size()}, {"limit", absl::FormatDuration(config_.drain_limit)}});
  health_.Shutdown();
  absl::SleepFor(config_.pre_stop_wait);
  dispatcher_.Drain();
  if (!calls_.AwaitPresent(config_.drain_limit)) {
    Log(LogLevel::kWarning, "drain_limit_reached", {{"inflight", inflight_.size()}});
    inflight_.CancelAll(DrainingError());
  }
  if (supervisor_ != nullptr) supervisor_->Stop(config_.drain_limit);
  calls_.AwaitPresent(kLastWriteLimit);
}

void Router::Reload(const RouterConfig& config) {
  dispatcher_.SetOptions({config.max_queued_requests, config.worker_wait});
  limits_.Set({config.queue_timeout, config.slow_client_limit});
  static_workers_->SetNames(config.workers);
}

void Router::OnWorkersChanged() {
  dispatcher_.Pump();
  bool any = false;
  std::map<std::string, bool> models;
  for (const std::shared_ptr<Worker>& worker : registry_.All()) {
    const bool ready = worker->ready();
    models[worker->model().name()] |= ready;
    any |= ready;
  }
  for (const std::string& model : registry_.KnownModels()) health_.Set("model/" + model, models[model]);
  health_.Set("hekla.v1.Inference", any);
  health_.Set("", any);
}

void Router::TickLoop() {
  const absl::Duration interval = std::min(kLongestTick, config_.stall_limit / 4);
  absl::Time due = absl::Now() + interval;
  while (!stop_ticks_.WaitForNotificationWithTimeout(due - absl::Now())) {
    const absl::Time now = absl::Now();
    router_metrics_.loop_delay_seconds->Observe(absl::ToDoubleSeconds(now - due));
    inflight_.Tick(now);
    registry_.CheckProgress(now);
    due = std::max(due + interval, absl::Now());
  }
}

void Router::AddGauges() {
  metrics_.AddProcessMetrics();
  metrics_.AddGauges("hekla_router_build_info", "1; the version is a label.", [] {
    return std::vector<Sample>{{{{"version", kVersion}}, 1}};
  });
  metrics_.AddGauges("hekla_router_inflight", "Requests there are.", [this] {
    std::map<int, double> count;
    for (const v1::InFlight& request : inflight_.List()) ++count[request.phase()];
    std::vector<Sample> samples;
    for (const PhaseLabel& each : kPhases) samples.push_back({{{"phase", each.label}}, count[each.phase]});
    return samples;
  });
  metrics_.AddGauges("hekla_router_oldest_inflight_seconds", "Age of the oldest request.", [this] {
    std::map<int, double> age;
    for (const v1::InFlight& request : inflight_.List()) {
      age[request.phase()] = std::max(age[request.phase()], Seconds(request.age()));
    }
    std::vector<Sample> samples;
    for (const PhaseLabel& each : kPhases) samples.push_back({{{"phase", each.label}}, age[each.phase]});
    return samples;
  });
  metrics_.AddGauges("hekla_router_queued_requests", "Requests that wait for a worker.", [this] {
    return std::vector<Sample>{{{}, static_cast<double>(dispatcher_.queued())}};
  });
  metrics_.AddGauges("hekla_router_queued_tokens", "Prompt tokens that wait for a worker, estimated.",
                     [this] {
                       return std::vector<Sample>{{{}, static_cast<double>(dispatcher_.queued_tokens())}};
                     });
  metrics_.AddGauges("hekla_router_workers", "Workers by state.", [this] {
    std::map<std::string, double> count = {{"ready", 0}, {"draining", 0}, {"stalled", 0}, {"broken", 0}};
    for (const std::shared_ptr<Worker>& worker : registry_.All()) ++count[StateLabel(*worker)];
    std::vector<Sample> samples;
    for (const auto& [state, number] : count) samples.push_back({{{"state", state}}, number});
    return samples;
  });
  metrics_.AddGauges("hekla_router_worker_breaker", "1 for the state in which a worker's breaker is.", [this] {
    std::vector<Sample> samples;
    for (const std::shared_ptr<Worker>& worker : registry_.All()) {
      for (const auto state : {Breaker::State::kClosed, Breaker::State::kOpen, Breaker::State::kHalfOpen}) {
        samples.push_back({{{"worker", worker->id()}, {"state", BreakerStateName(state)}},
                           worker->breaker_state() == state ? 1.0 : 0.0});
      }
    }
    return samples;
  });
  metrics_.AddGauges("hekla_router_worker_inflight", "Requests of this router at a worker.", [this] {
    std::vector<Sample> samples;
    for (const std::shared_ptr<Worker>& worker : registry_.All()) {
      samples.push_back({{{"worker", worker->id()}}, static_cast<double>(worker->inflight())});
    }
    return samples;
  });
  metrics_.AddGauges("hekla_router_worker_lease_age_seconds", "Since a worker attached.", [this] {
    std::vector<Sample> samples;
    for (const std::shared_ptr<Worker>& worker : registry_.All()) {
      samples.push_back(
          {{{"worker", worker->id()}}, absl::ToDoubleSeconds(absl::Now() - worker->attached_at())});
    }
    return samples;
  });
  metrics_.AddReadCounters("hekla_router_worker_lost_total", "Workers that went, by cause.", [this] {
    std::map<std::string, int64_t> lost = registry_.lost_total();
    std::vector<Sample> samples;
    for (const char* cause : {"lease", "health", "stalled", "replaced", "removed"}) {
      samples.push_back({{{"cause", cause}}, static_cast<double>(lost[cause])});
    }
    return samples;
  });
}

}  // namespace hekla::service
