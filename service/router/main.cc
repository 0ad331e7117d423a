// hekla-router. Exit codes: 0 ended by a signal after draining, 1 an error, 2 wrong usage.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "service/router/config.h"
#include "service/router/router.h"
#include "service/runtime/callback_threads.h"
#include "service/runtime/log.h"
#include "service/runtime/reload_signal.h"
#include "service/runtime/secret.h"
#include "service/runtime/shutdown_signal.h"
#include "service/runtime/systemd.h"
#include "service/runtime/token_file.h"
#include "worker/base/release_mutexes.h"

namespace {

constexpr int kUsageError = 2;

using hekla::service::Log;
using hekla::service::LogLevel;
using hekla::service::RouterConfig;

void SetLog(const RouterConfig& config) {
  hekla::service::LogOptions log{LogLevel::kInfo, config.log_json};
  // Checked by RouterConfig::Validate().
  hekla::service::ParseLogLevel(config.log_level, &log.level).IgnoreError();
  hekla::service::ConfigureLog(log);
}

void Reload(const std::vector<std::string>& arguments, hekla::service::Router* router) {
  const absl::StatusOr<RouterConfig> config = hekla::service::LoadRouterConfig(arguments);
  if (!config.ok()) {
    return Log(LogLevel::kError, "reload_refused", {{"error", config.status().message()}});
  }
  SetLog(*config);
  router->Reload(*config);
  Log(LogLevel::kInfo, "reloaded",
      {{"log_level", config->log_level},
       {"max_queued_requests", config->max_queued_requests},
       {"queue_timeout", absl::FormatDuration(config->queue_timeout)},
       {"workers", config->workers.size()}});
}

// On two cores one thread does better than two (service/runtime/callback_threads.h).
int EventThreads(const RouterConfig& config) {
  return config.event_threads > 0 ? config.event_threads
                                  : std::max(1, static_cast<int>(std::thread::hardware_concurrency() / 4));
}

int Run(const RouterConfig& config, const std::vector<std::string>& arguments) {
  SetLog(config);
  hekla::service::InstallShutdownSignals();
  const int event_threads = hekla::service::ParkCallbackThreads(EventThreads(config));
  auto router = hekla::service::Router::Start(config);
  if (!router.ok()) {
    std::cerr << "hekla-router: " << router.status().message() << "\n";
    return 1;
  }
  {
    const hekla::service::ReloadSignal reload([&] { Reload(arguments, router->get()); });
    Log(LogLevel::kInfo, "router_ready",
        {{"port", (*router)->port()},
         {"admin_port", (*router)->admin_port()},
         {"metrics_port", (*router)->metrics_port()},
         {"event_threads", event_threads}});
    hekla::service::NotifySystemd("READY=1");
    const int signal = hekla::service::WaitForShutdownSignal();
    hekla::service::NotifySystemd("STOPPING=1");
    Log(LogLevel::kInfo, "signal", {{"number", signal}});
  }
  (*router)->Drain();
  Log(LogLevel::kInfo, "router_ended");
  // Without destructors: a gRPC server that shuts down ends with CANCELLED the calls that come just then. The
  // end of the process closes their connections: UNAVAILABLE, which clients try again.
  _exit(0);
}

// The only time that the token itself is anywhere.
int PrintNewToken(const std::string& tenant) {
  if (const absl::Status status = hekla::service::CheckTenant(tenant); !status.ok()) {
    std::cerr << "hekla-router: --new-token: " << status.message() << "\n";
    return kUsageError;
  }
  const std::string token = hekla::service::NewSecret();
  hekla::service::Grant grant;
  grant.token_hash = hekla::service::Sha256Hex(token);
  grant.tenant = tenant;
  std::cout << "token " << token << "\nline " << hekla::service::TokenLine(grant) << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  hekla::ReleaseMutexes();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  RouterConfig defaults;
  hekla::service::CommandLine line = hekla::service::RouterCommandLine(&defaults);
  if (line.Parse(arguments).ok() && line.help_asked()) {
    std::cout << line.Help();
    return 0;
  }
  const absl::StatusOr<RouterConfig> config = hekla::service::LoadRouterConfig(arguments);
  if (!config.ok()) {
    std::cerr << "hekla-router: " << config.status().message() << "\n";
    return kUsageError;
  }
  return config->new_token_tenant.empty() ? Run(*config, arguments) : PrintNewToken(config->new_token_tenant);
}
