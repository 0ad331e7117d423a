// What a router is told when it starts.
#ifndef HEKLA_SERVICE_ROUTER_CONFIG_H_
#define HEKLA_SERVICE_ROUTER_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "service/router/breaker.h"
#include "service/runtime/channel.h"
#include "service/runtime/command_line.h"
#include "service/runtime/grpc_server.h"
#include "service/runtime/log.h"
#include "service/runtime/prompt_limit.h"

namespace hekla::service {

struct RouterConfig {
  std::string config_file;  // more flags; read again at SIGHUP

  std::string listen = "127.0.0.1:8090";          // hekla.v1.Inference
  std::string admin_listen = "127.0.0.1:8091";    // hekla.v1.Admin and the workers' leases
  std::string metrics_listen = "127.0.0.1:8092";  // HTTP; empty = none
  std::vector<std::string> workers;               // static ones, HOST:PORT

  std::string tls_cert, tls_key, tls_client_ca;  // PEM files, of both gRPC ports
  std::string token_file;                        // bearer tokens of clients
  std::string admin_token_file;                  // of operators and workers; never those of clients
  bool insecure = false;
  ChannelOptions to_worker;  // TLS and token towards workers
  ServerLimits limits;       // of both gRPC ports
  int max_prompt_bytes = kMaxPromptBytes;
  int event_threads = 0;  // of the program; 0 = by the number of cores

  int spawn_workers = 0;                 // workers that the router starts itself
  std::string spawn_program;             // of them; empty = hekla-worker beside this program
  std::vector<std::string> spawn_flags;  // of them, "{n}" standing for the worker's number

  int max_queued_requests = 1024;
  absl::Duration queue_timeout = absl::Seconds(60);
  absl::Duration worker_wait = absl::Seconds(2);
  absl::Duration slow_client_limit = absl::Seconds(30);
  absl::Duration stall_limit = absl::Seconds(5);  // a worker with work makes a step within it ...
  int stall_steps = 20;                           // ... or within this many of its usual steps
  BreakerOptions breaker;                         // no flags
  absl::Duration poison_time = absl::Minutes(10);
  absl::Duration drain_limit = absl::Seconds(30);
  absl::Duration pre_stop_wait = absl::ZeroDuration();
  std::string log_level = "info";
  bool log_json = false;
  std::string new_token_tenant;  // not empty: only make a token for this tenant

  // INVALID_ARGUMENT naming every problem.
  absl::Status Validate() const;
};

// The flags of a command line and of the file that its --config names, one "NAME VALUE" a line; what the command
// line says counts. Errors: NOT_FOUND no such file; INVALID_ARGUMENT naming the flag, or every bad value.
absl::StatusOr<RouterConfig> LoadRouterConfig(const std::vector<std::string>& arguments);

// The flags of hekla-router, filling `config`.
CommandLine RouterCommandLine(RouterConfig* config);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_CONFIG_H_
