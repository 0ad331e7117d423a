#include "service/router/config.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "service/runtime/file.h"
#include "worker/base/status_macros.h"

namespace hekla::service {
namespace {

constexpr int kMaxEventThreads = 16;  // as many as gRPC has
constexpr int kMaxSpawnedWorkers = 64;

void CheckAddress(const std::string& flag, const std::string& address, std::vector<std::string>* problems) {
  const size_t colon = address.rfind(':');
  int port = 0;
  if (colon == std::string::npos || colon == 0 || !absl::SimpleAtoi(address.substr(colon + 1), &port) ||
      port < 0 || port > 65535) {
    problems->push_back(absl::StrCat("--", flag, ": '", address, "' is not HOST:PORT"));
  }
}

void CheckSecurity(const RouterConfig& config, std::vector<std::string>* problems) {
  if (config.tls_cert.empty() != config.tls_key.empty()) {
    problems->push_back("--tls-cert and --tls-key need each other");
  }
  if (config.to_worker.tls_cert_path.empty() != config.to_worker.tls_key_path.empty()) {
    problems->push_back("--worker-tls-cert and --worker-tls-key need each other");
  }
  if (!config.to_worker.tls_cert_path.empty() && config.to_worker.tls_ca_path.empty()) {
    problems->push_back("--worker-tls-cert needs --worker-tls-ca");
  }
  // Who can attach a worker sees prompts: never a client by its client's token, and never just anyone.
  if (!config.token_file.empty() && config.admin_token_file.empty()) {
    problems->push_back("--token-file needs --admin-token-file: the admin port would be open");
  }
  const bool asks_operators = !config.admin_token_file.empty() || !config.tls_client_ca.empty();
  if (!IsLoopback(config.admin_listen) && !asks_operators && !config.insecure) {
    problems->push_back(absl::StrCat("--admin-listen: anyone who reaches ", config.admin_listen,
                                     " could attach workers, which see prompts: --admin-token-file or "
                                     "--tls-client-ca is needed, or --insecure to allow it"));
  }
}

}  // namespace

absl::Status RouterConfig::Validate() const {
  std::vector<std::string> problems;
  CheckAddress("listen", listen, &problems);
  CheckAddress("admin-listen", admin_listen, &problems);
  if (!metrics_listen.empty()) CheckAddress("metrics-listen", metrics_listen, &problems);
  for (const std::string& worker : workers) CheckAddress("worker", worker, &problems);
  CheckSecurity(*this, &problems);
  if (absl::Status status = CheckServerLimits(limits); !status.ok()) problems.emplace_back(status.message());
  if (max_prompt_bytes < 1) {
    problems.push_back(absl::StrCat("--max-prompt-bytes: ", max_prompt_bytes, ", at least 1 is required"));
  }
  if (max_queued_requests < 1) {
    problems.push_back(
        absl::StrCat("--max-queued-requests: ", max_queued_requests, ", at least 1 is required"));
  }
  if (event_threads < 0 || event_threads > kMaxEventThreads) {
    problems.push_back(absl::StrCat("--event-threads: ", event_threads, ", 0 to ", kMaxEventThreads, " are possible"));
  }
  if (spawn_workers < 0 || spawn_workers > kMaxSpawnedWorkers) {
    problems.push_back(
        absl::StrCat("--spawn-workers: ", spawn_workers, ", 0 to ", kMaxSpawnedWorkers, " are possible"));
  }
  if (spawn_workers == 0 && !spawn_flags.empty()) {
    problems.push_back(absl::StrCat("unexpected argument '", spawn_flags.front(),
                                    "': only with --spawn-workers flags of workers follow after --"));
  }
  if (spawn_workers == 0 && !spawn_program.empty())
    problems.push_back("--spawn-program needs --spawn-workers");
  if (queue_timeout <= absl::ZeroDuration()) problems.push_back("--queue-timeout must be above 0");
  if (slow_client_limit <= absl::ZeroDuration()) problems.push_back("--slow-client-limit must be above 0");
  if (stall_limit <= absl::ZeroDuration()) problems.push_back("--stall-limit must be above 0");
  if (stall_steps < 0) problems.push_back(absl::StrCat("--stall-steps: ", stall_steps, " is below 0"));
  LogLevel level = LogLevel::kInfo;
  if (const absl::Status status = ParseLogLevel(log_level, &level); !status.ok()) {
    problems.push_back(absl::StrCat("--log-level: ", status.message()));
  }
  if (problems.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(problems, "; "));
}

absl::StatusOr<RouterConfig> LoadRouterConfig(const std::vector<std::string>& arguments) {
  RouterConfig given;
  CommandLine given_line = RouterCommandLine(&given);
  HEKLA_RETURN_IF_ERROR(given_line.Parse(arguments));
  RouterConfig config;
  CommandLine line = RouterCommandLine(&config);
  if (!given.config_file.empty()) {
    HEKLA_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(given.config_file));
    std::vector<std::string> words;
    for (absl::string_view each : absl::StrSplit(text, '\n')) {
      each = absl::StripAsciiWhitespace(each);
      if (each.empty() || each.front() == '#') continue;
      const std::vector<std::string> parts = absl::StrSplit(each, absl::MaxSplits(absl::ByAnyChar(" \t"), 1));
      words.push_back(absl::StrCat("--", parts[0]));
      if (parts.size() > 1) words.emplace_back(absl::StripAsciiWhitespace(parts[1]));
    }
    absl::Status status = line.Parse(words);
    if (status.ok() && !line.positional().empty()) {
      status = absl::InvalidArgumentError(absl::StrCat("'", line.positional().front(), "' belongs to no flag"));
    }
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--config ", given.config_file, ": ", status.message()));
    }
  }
  HEKLA_RETURN_IF_ERROR(line.Parse(arguments));
  config.spawn_flags = line.positional();
  HEKLA_RETURN_IF_ERROR(config.Validate());
  return config;
}

CommandLine RouterCommandLine(RouterConfig* config) {
  CommandLine line(
      "hekla-router [FLAGS] [-- FLAGS OF WORKERS]",
      "Takes Generate and BatchGenerate calls and sends them to a pool of workers. Workers join by\n"
      "themselves (hekla-worker --router with this router's --admin-listen address) or are named with\n"
      "--worker. SIGTERM and Ctrl-C end it gracefully, a second one at once.");
  line.Add("config", "FILE",
           "more flags, NAME VALUE a line; SIGHUP reads it again: log level, limits of queue and slow clients, workers",
           &config->config_file);
  line.Section("Addresses");
  line.Add("listen", "HOST:PORT", "where clients connect (gRPC, hekla.v1.Inference)", &config->listen);
  line.Add("admin-listen", "HOST:PORT", "where operators and workers connect (gRPC)", &config->admin_listen);
  line.Add("metrics-listen", "HOST:PORT", "where /metrics is served (HTTP); empty = nowhere",
           &config->metrics_listen);
  line.Add("worker", "HOST:PORT", "workers that do not attach by themselves, all the name has; may be given again",
           &config->workers);
  line.Section("Workers of its own");
  line.Add("spawn-workers", "N",
           "start N workers with the flags after --, {n} standing for 0 .. N-1; again when they end",
           &config->spawn_workers);
  line.Add("spawn-program", "FILE", "their program; default hekla-worker beside this one",
           &config->spawn_program);
  line.Section("Security");
  line.Add("tls-cert", "FILE", "certificate of both gRPC ports, PEM", &config->tls_cert);
  line.Add("tls-key", "FILE", "its private key, PEM", &config->tls_key);
  line.Add("tls-client-ca", "FILE", "callers must show a certificate signed by it, PEM",
           &config->tls_client_ca);
  line.Add("token-file", "FILE", "hashes of accepted bearer tokens, a line each, read again when it changes",
           &config->token_file);
  line.Add("admin-token-file", "FILE", "the same for the admin port: operators and workers",
           &config->admin_token_file);
  line.Add("new-token", "TENANT", "print a new token and its line for a token file, and end",
           &config->new_token_tenant);
  line.AddSwitch("insecure", "listen beyond loopback without TLS, call workers without TLS",
                 &config->insecure);
  line.Add("worker-tls-ca", "FILE", "call workers with TLS, their certificates signed by it",
           &config->to_worker.tls_ca_path);
  line.Add("worker-tls-cert", "FILE", "certificate shown to workers, PEM", &config->to_worker.tls_cert_path);
  line.Add("worker-tls-key", "FILE", "its private key, PEM", &config->to_worker.tls_key_path);
  line.Add("worker-token-file", "FILE", "token to call workers with", &config->to_worker.token_path);
  line.Section("Limits");
  line.Add("max-queued-requests", "N", "requests that may wait; more are refused",
           &config->max_queued_requests);
  line.Add("queue-timeout", "DURATION", "longest wait of a request that gives none", &config->queue_timeout);
  line.Add("worker-wait", "DURATION", "how long requests wait while there is no worker",
           &config->worker_wait);
  line.Add("slow-client-limit", "DURATION", "a client that does not read for it loses its request",
           &config->slow_client_limit);
  line.Add("stall-limit", "DURATION", "a worker with work that makes no step for it is not trusted ...",
           &config->stall_limit);
  line.Add("stall-steps", "N", "... unless its usual step times N is longer", &config->stall_steps);
  line.Add("poison-time", "DURATION", "how long a request is refused that two workers died of",
           &config->poison_time);
  line.Add("drain-limit", "DURATION", "how long running requests may take after SIGTERM",
           &config->drain_limit);
  line.Add("pre-stop-wait", "DURATION", "pause between NOT_SERVING and refusing requests",
           &config->pre_stop_wait);
  line.Add("max-prompt-bytes", "N", "of one prompt's text; longer ones are refused",
           &config->max_prompt_bytes);
  line.Add("event-threads", "N", "threads that see to what comes from the network; 0 = one for every four cores",
           &config->event_threads);
  AddServerLimitFlags(line, &config->limits);
  line.Section("Log");
  line.Add("log-level", "LEVEL", "debug, info, warning or error", &config->log_level);
  line.AddSwitch("log-json", "JSON lines instead of key=value", &config->log_json);
  return line;
}

}  // namespace hekla::service
