// hekla-fake-worker: the worker's service and router links over a FakeEngine and a vocabulary of bytes; no
// model, no device.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "service/runtime/log.h"
#include "service/runtime/shutdown_signal.h"
#include "worker/base/release_mutexes.h"
#include "tests/support/engine_fake/byte_vocabulary.h"
#include "tests/support/engine_fake/fake_engine.h"
#include "worker/watchdog.h"
#include "worker/worker_server.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:0", "HOST:PORT of the service; port 0 takes a free one");
ABSL_FLAG(std::string, endpoint, "", "HOST:PORT told to routers; empty = the listening address");
ABSL_FLAG(std::string, metrics_listen, "", "HOST:PORT of /metrics; empty = not served");
ABSL_FLAG(std::vector<std::string>, router, {}, "HOST:PORT of routers' admin ports, comma separated");
ABSL_FLAG(std::string, id, "", "worker id");
ABSL_FLAG(std::string, name, "fake", "model name");
ABSL_FLAG(std::string, weights_hash, "fake-weights", "weights hash");
ABSL_FLAG(int, max_sequences, 8, "sequences at once");
ABSL_FLAG(int, max_context, 4096, "tokens of one sequence");
ABSL_FLAG(int, max_queue, 64, "requests waiting");
ABSL_FLAG(double, rate, 0, "tokens a second of each sequence; 0 = as fast as it goes");
ABSL_FLAG(bool, steps, false, "at that rate all sequences have their tokens together, as a batch does");
ABSL_FLAG(absl::Duration, first_token_delay, absl::ZeroDuration(), "before the first token");
ABSL_FLAG(double, prefill_rate, 0, "prompt tokens a second that are not cached; 0 = no time");
ABSL_FLAG(int, mean_length, 0, "tokens until the end of sequence on average; 0 = max_tokens ends it");
ABSL_FLAG(bool, echo, false, "the output is the prompt");
ABSL_FLAG(std::string, fault, "none", "none, hang, die or wrong-offset");
ABSL_FLAG(int, fault_after, 0, "tokens before the fault");
ABSL_FLAG(int, fault_strikes, -1, "requests struck; -1 = every one");
ABSL_FLAG(std::string, fault_marker, "", "only prompts that contain this text are struck");
ABSL_FLAG(absl::Duration, drain_limit, absl::Seconds(30), "for what runs, after SIGTERM");

namespace hekla {
namespace {

engine::FakeEngineOptions EngineOptions() {
  engine::FakeEngineOptions options;
  options.max_sequences = absl::GetFlag(FLAGS_max_sequences);
  options.max_context = absl::GetFlag(FLAGS_max_context);
  options.max_waiting = absl::GetFlag(FLAGS_max_queue);
  options.tokens_per_second = absl::GetFlag(FLAGS_rate);
  options.in_steps = absl::GetFlag(FLAGS_steps);
  options.first_token_delay = absl::GetFlag(FLAGS_first_token_delay);
  options.prefill_tokens_per_second = absl::GetFlag(FLAGS_prefill_rate);
  options.mean_length = absl::GetFlag(FLAGS_mean_length);
  options.echo_prompt = absl::GetFlag(FLAGS_echo);
  const std::string fault = absl::GetFlag(FLAGS_fault);
  if (fault == "hang") options.fault.kind = engine::FakeFault::kHang;
  if (fault == "die") options.fault.kind = engine::FakeFault::kDie;
  if (fault == "wrong-offset") options.fault.kind = engine::FakeFault::kWrongOffset;
  options.fault.after_tokens = absl::GetFlag(FLAGS_fault_after);
  options.fault.strikes = absl::GetFlag(FLAGS_fault_strikes);
  for (char c : absl::GetFlag(FLAGS_fault_marker))
    options.fault.marker.push_back(static_cast<unsigned char>(c));
  options.on_death = [] { kill(getpid(), SIGKILL); };
  return options;
}

int Main() {
  const std::string fault = absl::GetFlag(FLAGS_fault);
  if (fault != "none" && fault != "hang" && fault != "die" && fault != "wrong-offset") {
    std::fprintf(stderr, "--fault is \"%s\", not none, hang, die or wrong-offset\n", fault.c_str());
    return 2;
  }
  service::InstallShutdownSignals();
  worker::WorkerConfig config;
  config.model_path = "fake";
  config.listen = absl::GetFlag(FLAGS_listen);
  config.endpoint = absl::GetFlag(FLAGS_endpoint);
  config.metrics_listen = absl::GetFlag(FLAGS_metrics_listen);
  config.routers = absl::GetFlag(FLAGS_router);
  config.worker_id = absl::GetFlag(FLAGS_id);
  config.max_sequences = absl::GetFlag(FLAGS_max_sequences);
  config.max_context = absl::GetFlag(FLAGS_max_context);
  config.max_queue = absl::GetFlag(FLAGS_max_queue);
  if (absl::Status status = config.Validate(); !status.ok()) {
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
    return 2;
  }
  const std::unique_ptr<text::Tokenizer> tokenizer = text::MakeByteTokenizer();
  engine::FakeEngine engine(EngineOptions());
  worker::ServedModel model;
  model.description.set_name(absl::GetFlag(FLAGS_name));
  model.description.set_family("fake");
  model.description.set_weights_hash(absl::GetFlag(FLAGS_weights_hash));
  worker::DescribeVocabulary(*tokenizer, &model);
  auto server = worker::WorkerServer::Start(config, std::move(model), &engine, worker::LoadSeconds());
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", std::string(server.status().message()).c_str());
    return 1;
  }
  service::Log(service::LogLevel::kInfo, "ready",
               {{"address", (*server)->address()}, {"metrics_port", (*server)->metrics_port()}});
  worker::ServeUntilSignal(engine);
  (*server)->Drain(absl::GetFlag(FLAGS_drain_limit));
  _exit(0);  // as hekla-worker
}

}  // namespace
}  // namespace hekla

int main(int argc, char** argv) {
  hekla::ReleaseMutexes();
  absl::SetProgramUsageMessage("Serves hekla.v1.Inference with made-up tokens, for tests.");
  absl::ParseCommandLine(argc, argv);
  return hekla::Main();
}
