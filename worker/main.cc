// hekla-worker: loads one model, serves hekla.v1.Inference with it and attaches to routers.
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "service/runtime/log.h"
#include "service/runtime/shutdown_signal.h"
#include "worker/base/release_mutexes.h"
#include "worker/config.h"
#include "worker/model_loading.h"
#include "worker/watchdog.h"
#include "worker/worker_server.h"

namespace hekla {
namespace {

using service::Log;
using service::LogLevel;

constexpr int kExitFailed = 1;       // the model or an address could not be had
constexpr int kExitUsage = 2;        // a bad flag
constexpr int kExitDeviceLost = 75;  // EX_TEMPFAIL: start the worker again

// A line a second at most, and one at the end. A signal while it loads ends the process: nothing is to be
// drained.
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
    const uint64_t percent = total_bytes == 0 ? 100 : 100 * done_bytes / total_bytes;
    Log(LogLevel::kInfo, "loading", {{"percent", percent}, {"bytes", done_bytes}, {"of_bytes", total_bytes}});
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

int Run(const worker::WorkerConfig& config) {
  service::LogOptions log{LogLevel::kInfo, config.log_json};
  if (!service::ParseLogLevel(config.log_level, &log.level).ok()) return kExitUsage;
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
       {"compile_s", Seconds(seconds.compile)},
       {"warmup_s", Seconds(seconds.warmup)}});
  const int signal = worker::ServeUntilSignal(*loaded->engine);
  Log(LogLevel::kInfo, "drain", {{"signal", signal}, {"inflight", (*server)->service().inflight().size()}});
  loaded->engine->Drain();
  const bool done = (*server)->Drain(config.drain_limit);
  Log(LogLevel::kInfo, "stopped", {{"all_finished", done}});
  // Without destructors: a gRPC server that shuts down ends with CANCELLED the calls that come just then. The end of the process closes
  // their connections: UNAVAILABLE, which clients try again.
  _exit(0);
}

}  // namespace
}  // namespace hekla

int main(int argc, char** argv) {
  hekla::ReleaseMutexes();
  hekla::worker::WorkerConfig config;
  hekla::service::CommandLine line = hekla::worker::WorkerCommandLine(&config);
  absl::Status status = line.Parse(std::vector<std::string>(argv + 1, argv + argc));
  if (status.ok() && line.help_asked()) {
    std::cout << line.Help();
    return 0;
  }
  if (status.ok() && !line.positional().empty()) {
    status =
        absl::InvalidArgumentError(absl::StrCat("unexpected argument '", line.positional().front(), "'"));
  }
  if (status.ok()) status = config.Validate();
  if (!status.ok()) {
    std::cerr << "hekla-worker: " << status.message() << "\nSee hekla-worker --help.\n";
    return hekla::kExitUsage;
  }
  return hekla::Run(config);
}
