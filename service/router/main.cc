// hekla-router. Exit codes: 0 ended by a signal after draining, 1 an error, 2 wrong usage.
#include <iostream>
#include <string>
#include <vector>

#include "service/router/config.h"
#include "service/router/router.h"
#include "service/runtime/log.h"
#include "service/runtime/secret.h"
#include "service/runtime/shutdown_signal.h"
#include "service/runtime/systemd.h"
#include "service/runtime/token_file.h"

namespace {

constexpr int kUsageError = 2;

int Run(const hekla::service::RouterConfig& config) {
  using hekla::service::Log;
  using hekla::service::LogLevel;
  hekla::service::LogOptions log{LogLevel::kInfo, config.log_json};
  if (!hekla::service::ParseLogLevel(config.log_level, &log.level).ok()) return kUsageError;
  hekla::service::ConfigureLog(log);
  hekla::service::InstallShutdownSignals();
  auto router = hekla::service::Router::Start(config);
  if (!router.ok()) {
    std::cerr << "hekla-router: " << router.status().message() << "\n";
    return 1;
  }
  Log(LogLevel::kInfo, "router_ready",
      {{"port", (*router)->port()},
       {"admin_port", (*router)->admin_port()},
       {"metrics_port", (*router)->metrics_port()}});
  hekla::service::NotifySystemd("READY=1");
  const int signal = hekla::service::WaitForShutdownSignal();
  hekla::service::NotifySystemd("STOPPING=1");
  Log(LogLevel::kInfo, "signal", {{"number", signal}});
  (*router)->Drain();
  router->reset();
  Log(LogLevel::kInfo, "router_ended");
  return 0;
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
  hekla::service::RouterConfig config;
  hekla::service::CommandLine line = hekla::service::RouterCommandLine(&config);
  absl::Status status = line.Parse(std::vector<std::string>(argv + 1, argv + argc));
  if (status.ok() && line.help_asked()) {
    std::cout << line.Help();
    return 0;
  }
  config.spawn_flags = line.positional();
  if (status.ok()) status = config.Validate();
  if (!status.ok()) {
    std::cerr << "hekla-router: " << status.message() << "\n";
    return kUsageError;
  }
  return config.new_token_tenant.empty() ? Run(config) : PrintNewToken(config.new_token_tenant);
}
