#include "worker/config.h"

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "service/runtime/log.h"
#include "worker/schedule/batch.h"

namespace hekla::worker {
namespace {

class Problems {
 public:
  template <typename... Args>
  void Add(const Args&... parts) {
    lines_.push_back(absl::StrCat(parts...));
  }
  void CheckRange(const char* name, int64_t value, int64_t least, int64_t most) {
    if (value < least || value > most) Add(name, " is ", value, ", not in ", least, " .. ", most);
  }
  void CheckAddress(const char* name, const std::string& value, bool zero_port) {
    const size_t colon = value.rfind(':');
    int port = -1;
    if (colon == std::string::npos || colon == 0 || !absl::SimpleAtoi(value.substr(colon + 1), &port) ||
        port < 0 || port > 65535 || (port == 0 && !zero_port)) {
      Add(name, " is \"", value, "\", not HOST:PORT", zero_port ? "" : " with a port above 0");
    }
  }
  absl::Status status() const {
    return lines_.empty() ? absl::OkStatus() : absl::InvalidArgumentError(absl::StrJoin(lines_, "\n"));
  }

 private:
  std::vector<std::string> lines_;
};

bool IsDevice(const std::string& name) {
  int index = -1;
  if (name == "auto" || name == "cpu" || name == "vulkan") return true;
  return absl::StartsWith(name, "vulkan:") && absl::SimpleAtoi(name.substr(7), &index) && index >= 0;
}

}  // namespace

absl::Status WorkerConfig::Validate() const {
  Problems problems;
  if (model_path.empty()) problems.Add("--model is not given");
  if (model_name.size() > 128) problems.Add("--name has ", model_name.size(), " bytes, the limit is 128");
  if (worker_id.size() > 128) problems.Add("--id has ", worker_id.size(), " bytes, the limit is 128");
  if (!IsDevice(device)) problems.Add("--device is \"", device, "\", not auto, cpu, vulkan or vulkan:N");
  problems.CheckAddress("--listen", listen, true);
  if (!endpoint.empty()) problems.CheckAddress("--endpoint", endpoint, false);
  if (!metrics_listen.empty()) problems.CheckAddress("--metrics-listen", metrics_listen, true);
  for (const std::string& router : routers) problems.CheckAddress("--router", router, false);
  problems.CheckRange("--max-sequences", max_sequences, 1, 1024);
  if (max_context != 0) problems.CheckRange("--max-context", max_context, 2, 1 << 20);
  if (kv_tokens != 0) problems.CheckRange("--kv-tokens", kv_tokens, schedule::kBlockTokens, int64_t{1} << 31);
  if (kv_memory_mib != 0) problems.CheckRange("--kv-memory", kv_memory_mib, 1, int64_t{1} << 24);
  if (kv_tokens != 0 && kv_memory_mib != 0) problems.Add("--kv-tokens and --kv-memory are both given");
  problems.CheckRange("--max-queue", max_queue, 1, 1 << 16);
  problems.CheckRange("--step-tokens", step_tokens, 1, 1 << 14);
  problems.CheckRange("--prefill-chunk", prefill_chunk, 1, 1 << 14);
  if (step_tokens < max_sequences) {
    problems.Add("--step-tokens is ", step_tokens, ", below --max-sequences, ", max_sequences,
                 ": a step has a token of every sequence");
  }
  if (drain_limit < absl::ZeroDuration())
    problems.Add("--drain-limit is ", absl::FormatDuration(drain_limit), ", below 0s");
  if (tls_cert.empty() != tls_key.empty()) problems.Add("--tls-cert and --tls-key must be given together");
  if (router_tls_cert.empty() != router_tls_key.empty()) {
    problems.Add("--router-tls-cert and --router-tls-key must be given together");
  }
  if (!router_tls_cert.empty() && router_tls_ca.empty())
    problems.Add("--router-tls-cert needs --router-tls-ca");
  if (absl::Status status = service::CheckServerLimits(limits); !status.ok()) problems.Add(status.message());
  problems.CheckRange("--max-prompt-bytes", max_prompt_bytes, 1, int64_t{1} << 30);
  service::LogLevel level;
  if (absl::Status status = service::ParseLogLevel(log_level, &level); !status.ok()) {
    problems.Add("--log-level: ", status.message());
  }
  return problems.status();
}

service::CommandLine WorkerCommandLine(WorkerConfig* config) {
  service::CommandLine line(
      "hekla-worker --model FILE [FLAGS]",
      "Serves one model over gRPC (hekla.v1.Inference) and attaches to routers. SIGTERM and Ctrl-C drain:\n"
      "running requests finish within --drain-limit; a second signal ends at once.\n"
      "Exit codes: 0 drained; 1 the model cannot be loaded or an address cannot be listened on; 2 wrong\n"
      "usage; 75 the device was lost: start it again.");
  line.Section("Model and device");
  line.Add("model", "FILE", "the model, GGUF", &config->model_path);
  line.Add("name", "NAME", "what clients call the model; empty = the name in the file", &config->model_name);
  line.Add("device", "D", "auto, cpu, vulkan or vulkan:N", &config->device);
  line.Section("Addresses");
  line.Add("listen", "HOST:PORT", "of the service; port 0 takes a free one", &config->listen);
  line.Add("metrics-listen", "HOST:PORT", "of /metrics; empty = nowhere", &config->metrics_listen);
  line.Add("router", "HOST:PORT", "a router's admin port; may be given again", &config->routers);
  line.Add("endpoint", "HOST:PORT", "told to routers; empty = the listening address", &config->endpoint);
  line.Add("id", "ID", "the same after a restart; empty = made of host and endpoint", &config->worker_id);
  line.Section("Room");
  line.Add("max-sequences", "N", "sequences that run at once", &config->max_sequences);
  line.Add("max-context", "TOKENS", "of one sequence; 0 = what the model was trained for, at most 4096",
           &config->max_context);
  line.Add("kv-tokens", "TOKENS", "of KV memory, all sequences together; 0 = see --kv-memory",
           &config->kv_tokens);
  line.Add("kv-memory", "MIB", "of KV memory; 0 = 1024, or one whole sequence if that is more",
           &config->kv_memory_mib);
  line.Add("max-queue", "N", "requests that wait; more are refused", &config->max_queue);
  line.Add("step-tokens", "N", "tokens computed in one step", &config->step_tokens);
  line.Add("prefill-chunk", "N", "prompt tokens in one step", &config->prefill_chunk);
  line.Add("drain-limit", "DURATION", "how long running requests may take after SIGTERM",
           &config->drain_limit);
  line.Section("Limits of a call");
  line.Add("max-prompt-bytes", "N", "of one prompt's text; longer ones are refused",
           &config->max_prompt_bytes);
  service::AddServerLimitFlags(line, &config->limits);
  line.Section("Security");
  line.Add("tls-cert", "FILE", "certificate of the service, PEM", &config->tls_cert);
  line.Add("tls-key", "FILE", "its private key, PEM", &config->tls_key);
  line.Add("tls-client-ca", "FILE", "callers must show a certificate signed by it, PEM",
           &config->tls_client_ca);
  line.Add("token-file", "FILE",
           "hashes of tokens that callers must show, read again when it changes; empty = anyone may call",
           &config->token_file);
  line.AddSwitch("insecure", "listen beyond loopback without TLS", &config->insecure);
  line.Add("router-tls-ca", "FILE", "routers must show a certificate signed by it, PEM",
           &config->router_tls_ca);
  line.Add("router-tls-cert", "FILE", "certificate shown to routers, PEM", &config->router_tls_cert);
  line.Add("router-tls-key", "FILE", "its private key, PEM", &config->router_tls_key);
  line.Add("router-token-file", "FILE", "the token in it is shown to routers", &config->router_token_file);
  line.Section("Log");
  line.Add("log-level", "LEVEL", "debug, info, warning or error", &config->log_level);
  line.AddSwitch("log-json", "JSON lines instead of key=value", &config->log_json);
  return line;
}

}  // namespace hekla::worker
