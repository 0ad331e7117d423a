// hekla-worker: loads one model, serves hekla.v1.Inference with it and attaches to routers.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "service/runtime/log.h"
#include "service/runtime/shutdown_signal.h"
#include "worker/model_loading.h"
#include "worker/worker_server.h"

using hekla::worker::WorkerConfig;

ABSL_FLAG(std::string, model, "", "the model, a GGUF file");
ABSL_FLAG(std::string, name, "", "what clients call the model; empty: the name in the file");
ABSL_FLAG(std::string, device, "auto", "auto, cpu, vulkan or vulkan:N");
ABSL_FLAG(std::string, id, "", "worker id, the same after a restart; empty: made of host and endpoint");
ABSL_FLAG(std::string, listen, "127.0.0.1:0", "HOST:PORT of the service; port 0 takes a free one");
ABSL_FLAG(std::string, endpoint, "", "HOST:PORT told to routers; empty: the listening address");
ABSL_FLAG(std::string, metrics_listen, "", "HOST:PORT of /metrics; empty: not served");
ABSL_FLAG(std::vector<std::string>, router, {}, "HOST:PORT of routers' admin ports, comma separated");
ABSL_FLAG(int, max_sequences, WorkerConfig().max_sequences, "sequences that run at once");
ABSL_FLAG(int, max_context, 0, "tokens of one sequence; 0: what the model was trained for, at most 4096");
ABSL_FLAG(int64_t, kv_tokens, 0, "tokens of KV memory, all sequences together; 0: see --kv-memory");
ABSL_FLAG(int64_t, kv_memory, 0, "MiB of KV memory; 0: 1024, or one whole sequence if that is more");
ABSL_FLAG(int, max_queue, WorkerConfig().max_queue, "requests that wait");
ABSL_FLAG(int, step_tokens, WorkerConfig().step_tokens, "tokens computed in one step");
ABSL_FLAG(int, prefill_chunk, WorkerConfig().prefill_chunk, "prompt tokens in one step");
ABSL_FLAG(absl::Duration, drain_limit, WorkerConfig().drain_limit, "for running requests after SIGTERM");
ABSL_FLAG(std::string, tls_cert, "", "PEM certificate of the service");
ABSL_FLAG(std::string, tls_key, "", "PEM key of the service");
ABSL_FLAG(std::string, tls_client_ca, "", "PEM; callers must show a certificate it signed");
ABSL_FLAG(std::string, token_file, "", "callers must show one of its tokens; empty: anyone may call");
ABSL_FLAG(bool, insecure, false, "listen beyond loopback without TLS");
ABSL_FLAG(std::string, router_tls_ca, "", "PEM; routers must show a certificate it signed");
ABSL_FLAG(std::string, router_tls_cert, "", "PEM certificate shown to routers");
ABSL_FLAG(std::string, router_tls_key, "", "PEM key of --router-tls-cert");
ABSL_FLAG(std::string, router_token_file, "", "its first token is shown to routers");
ABSL_FLAG(std::string, log_level, "info", "debug, info, warning or error");
ABSL_FLAG(bool, log_json, false, "log JSON instead of key=value");

namespace hekla {
namespace {

using service::Log;
using service::LogLevel;

constexpr int kExitFailed = 1;       // the model or an address could not be had
constexpr int kExitUsage = 2;        // a bad flag
constexpr int kExitDeviceLost = 75;  // EX_TEMPFAIL: start the worker again
constexpr char kUsage[] =
    "Serves one model over gRPC (hekla.v1.Inference) and attaches to routers.\n\n"
    "  hekla-worker --model story.gguf --router 127.0.0.1:7001 --metrics-listen 127.0.0.1:9101\n\n"
    "SIGTERM drains: running requests finish within --drain-limit; a second signal ends at once.\n"
    "Exit codes: 0 drained; 1 the model cannot be loaded or an address cannot be listened on; 2 a bad flag; "
    "75 the device was lost: start it again.";

WorkerConfig ReadFlags() {
  WorkerConfig config;
  config.model_path = absl::GetFlag(FLAGS_model);
  config.model_name = absl::GetFlag(FLAGS_name);
  config.device = absl::GetFlag(FLAGS_device);
  config.worker_id = absl::GetFlag(FLAGS_id);
  config.listen = absl::GetFlag(FLAGS_listen);
  config.endpoint = absl::GetFlag(FLAGS_endpoint);
  config.metrics_listen = absl::GetFlag(FLAGS_metrics_listen);
  config.routers = absl::GetFlag(FLAGS_router);
  config.max_sequences = absl::GetFlag(FLAGS_max_sequences);
  config.max_context = absl::GetFlag(FLAGS_max_context);
  config.kv_tokens = absl::GetFlag(FLAGS_kv_tokens);
  config.kv_memory_mib = absl::GetFlag(FLAGS_kv_memory);
  config.max_queue = absl::GetFlag(FLAGS_max_queue);
  config.step_tokens = absl::GetFlag(FLAGS_step_tokens);
  config.prefill_chunk = absl::GetFlag(FLAGS_prefill_chunk);
  config.drain_limit = absl::GetFlag(FLAGS_drain_limit);
  config.tls_cert = absl::GetFlag(FLAGS_tls_cert);
  config.tls_key = absl::GetFlag(FLAGS_tls_key);
  config.tls_client_ca = absl::GetFlag(FLAGS_tls_client_ca);
  config.token_file = absl::GetFlag(FLAGS_token_file);
  config.insecure = absl::GetFlag(FLAGS_insecure);
  config.router_tls_ca = absl::GetFlag(FLAGS_router_tls_ca);
  config.router_tls_cert = absl::GetFlag(FLAGS_router_tls_cert);
  config.router_tls_key = absl::GetFlag(FLAGS_router_tls_key);
  config.router_token_file = absl::GetFlag(FLAGS_router_token_file);
  return config;
}

// A line a second at most, and one at the end. A signal while it loads ends the process: nothing is to be drained.
class LoadProgress {
 public:
  void operator()(uint64_t done_bytes, uint64_t total_bytes) {
    if (const int signal = service::WaitForShutdownSignal(absl::ZeroDuration()); signal != 0) {
      Log(LogLevel::kInfo, "stopped", {{"signal", signal}, {"while", "loading"}});
      std::fflush(nullptr);
      _exit(0);
    }
    const absl::Time now = absl::Now();
    if (done_bytes < total_bytes && now < logged_ + absl::Seconds(1)) return;
    logged_ = now;
    const double percent = total_bytes == 0 ? 100.0 : 100.0 * static_cast<double>(done_bytes) / static_cast<double>(total_bytes);
    Log(LogLevel::kInfo, "loading",
        {{"percent", static_cast<int>(percent)}, {"bytes", done_bytes}, {"of_bytes", total_bytes}});
  }

 private:
  absl::Time logged_ = absl::Now();
};

// The engine's thread: nothing can be finished in order any more.
void ExitOnDeviceLoss(const absl::Status& status) {
  Log(LogLevel::kError, "device_lost", {{"error", status.message()}, {"exit_code", kExitDeviceLost}});
  std::fflush(nullptr);
  _exit(kExitDeviceLost);
}

int Fail(absl::string_view event, const absl::Status& status) {
  Log(LogLevel::kError, event, {{"error", status.message()}});
  return kExitFailed;
}

std::string Seconds(double seconds) { return absl::StrFormat("%.3f", seconds); }

int Main(const std::vector<char*>& arguments) {
  service::LogOptions log;
  WorkerConfig config = ReadFlags();
  log.json = absl::GetFlag(FLAGS_log_json);
  absl::Status status = service::ParseLogLevel(absl::GetFlag(FLAGS_log_level), &log.level);
  if (status.ok()) status = config.Validate();
  if (status.ok() && arguments.size() > 1) {
    status = absl::InvalidArgumentError(absl::StrFormat("\"%s\" is not a flag", arguments[1]));
  }
  if (!status.ok()) {
    std::fprintf(stderr, "%s\nSee hekla-worker --help.\n", std::string(status.message()).c_str());
    return kExitUsage;
  }
  service::ConfigureLog(log);
  service::InstallShutdownSignals();
  Log(LogLevel::kInfo, "start", {{"model", config.model_path}, {"device", config.device}});
  worker::LoadCallbacks callbacks;
  callbacks.weight_progress = LoadProgress();
  callbacks.on_fatal = ExitOnDeviceLoss;
  absl::StatusOr<worker::LoadedModel> loaded = worker::LoadModel(config, callbacks);
  if (!loaded.ok()) return Fail("load_failed", loaded.status());
  const worker::LoadSeconds seconds = loaded->seconds;
  auto server = worker::WorkerServer::Start(config, loaded->served, loaded->engine.get(), seconds);
  if (!server.ok()) return Fail("start_failed", server.status());
  const v1::Model& model = (*server)->service().model();
  Log(LogLevel::kInfo, "ready",
      {{"address", (*server)->address()},
       {"metrics_port", (*server)->metrics_port()},
       {"model", model.name()},
       {"weights_hash", model.weights_hash()},
       {"device", loaded->engine->Status().device_name},
       {"max_context", model.limits().max_context()},
       {"max_sequences", model.limits().max_sequences()},
       {"kv_tokens", model.limits().kv_tokens()},
       {"read_s", Seconds(seconds.read)},
       {"upload_s", Seconds(seconds.upload)},
       {"warmup_s", Seconds(seconds.warmup)}});
  const int signal = service::WaitForShutdownSignal();
  Log(LogLevel::kInfo, "drain", {{"signal", signal}, {"inflight", (*server)->service().inflight().size()}});
  loaded->engine->Drain();
  const bool done = (*server)->Drain(config.drain_limit);
  Log(LogLevel::kInfo, "stopped", {{"all_finished", done}});
  server->reset();
  return 0;
}

// Abseil knows --max_sequences only; people write --max-sequences.
void DashesToUnderscores(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (argv[i][0] != '-' || argv[i][1] == '\0') continue;
    for (char* c = argv[i] + 2; *c != '\0' && *c != '='; ++c) {
      if (*c == '-') *c = '_';
    }
  }
}

}  // namespace
}  // namespace hekla

int main(int argc, char** argv) {
  hekla::DashesToUnderscores(argc, argv);
  absl::SetProgramUsageMessage(hekla::kUsage);
  return hekla::Main(absl::ParseCommandLine(argc, argv));
}
