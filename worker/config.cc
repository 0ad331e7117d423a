#include "worker/config.h"

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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
  return problems.status();
}

}  // namespace hekla::worker
