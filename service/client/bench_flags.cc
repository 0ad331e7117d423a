#include "service/client/bench_flags.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "service/runtime/file.h"
#include "worker/base/status_macros.h"

namespace hekla::service {
namespace {

constexpr uint32_t kUsualClients = 8;
constexpr absl::Duration kUsualDuration = absl::Seconds(30);
constexpr uint32_t kMostClients = 100'000;
constexpr uint32_t kMostChannels = 64;

absl::StatusOr<bench::LengthDistribution> ParseLengths(const char* flag, const std::string& text) {
  absl::StatusOr<bench::LengthDistribution> lengths = bench::LengthDistribution::Parse(text);
  if (lengths.ok()) return lengths;
  return absl::InvalidArgumentError(absl::StrCat(flag, ": ", lengths.status().message()));
}

absl::Status CheckRange(const char* flag, uint64_t value, uint64_t least, uint64_t most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(flag, ": ", value, " is not in ", least, " .. ", most));
}

absl::Duration LimitOf(absl::Duration flag) {
  return flag > absl::ZeroDuration() ? flag : absl::InfiniteDuration();
}

}  // namespace

void BenchFlags::AddTo(CommandLine& line) {
  line.Section("Load: a closed loop (--clients), or an open one (--rate)");
  line.Add("clients", "N", "so many clients, each waiting for its answer; default 8", &clients);
  line.Add("rate", "X", "requests a second, however fast they are answered", &rate);
  line.Add("arrivals", "KIND", "with --rate: poisson, or constant", &arrivals);
  line.Add("requests", "N", "end after so many; 0 = see --duration", &requests);
  line.Add("duration", "TIME", "send for so long; 0 = until --requests, or 30s without it", &duration);
  line.Add("max-inflight", "N", "with --rate: more at once start late, counted from when they were due",
           &max_inflight);
  line.Add("channels", "N", "connections to spread the streams over", &channels);
  line.Section(
      "Requests; lengths are N, uniform:LOW,HIGH or lognormal:MEDIAN,SIGMA,MAX tokens; shares are 0 to 1");
  line.Add("model", "NAME", "needed only where there are several", &model);
  line.Add("prompt-tokens", "LENGTH", "prompts of random tokens, so long", &prompt_tokens);
  line.Add("prompts", "FILE", "prompts a line each, taken in turn, instead of random tokens", &prompts_path);
  line.Add("output-tokens", "LENGTH", "tokens to generate", &output_tokens);
  line.Add("shared-prefix-share", "X", "this share of the prompts begins alike", &shared_prefix_share);
  line.Add("shared-prefix-tokens", "N", "length of the common beginning", &shared_prefix_tokens);
  line.Add("cancel-share", "X", "cancel this share of the requests somewhere in their output", &cancel_share);
  line.Add("slow-share", "X", "read this share of the streams slowly", &slow_share);
  line.Add("slow-pause", "TIME", "a slow reader's pause after each message", &slow_pause);
  line.Add("temperature", "X", "0 = greedy", &temperature);
  line.AddSwitch("ignore-eos", "outputs have exactly their length (default); --no-ignore-eos lets models end",
                 &ignore_eos);
  line.Add("priority", "NAME", "batch, normal or interactive", &priority);
  line.Add("seed", "N", "the same seed makes the same load", &seed);
  line.Section("Objectives for goodput; 0 = any");
  line.Add("slo-ttft", "TIME", "time to first token", &slo_ttft);
  line.Add("slo-tpot", "TIME", "time per output token after the first", &slo_tpot);
  line.Add("slo-e2e", "TIME", "the whole request", &slo_e2e);
  line.Section("Report");
  line.Add("json", "FILE", "all figures as JSON; - = stdout, instead of the table", &json_path);
  line.Add("html", "FILE", "a page with plots", &html_path);
  line.AddSwitch("quiet", "no progress on stderr", &quiet);
}

absl::StatusOr<bench::LoadOptions> BenchFlags::ToLoad() const {
  bench::LoadOptions load;
  if (clients.has_value() && rate.has_value()) {
    return absl::InvalidArgumentError("--clients is a closed loop and --rate an open one: give one of them");
  }
  load.clients = rate.has_value() ? 0 : clients.value_or(kUsualClients);
  if (!rate.has_value()) HEKLA_RETURN_IF_ERROR(CheckRange("--clients", load.clients, 1, kMostClients));
  if (rate.has_value() && !(*rate > 0 && *rate <= 1e6f)) {
    return absl::InvalidArgumentError(absl::StrCat("--rate: ", *rate, " is not in (0, 1000000]"));
  }
  load.rate = rate.value_or(0);
  if (arrivals != "poisson" && arrivals != "constant") {
    return absl::InvalidArgumentError(absl::StrCat("--arrivals: '", arrivals, "' is not poisson or constant"));
  }
  load.arrivals = arrivals == "poisson" ? bench::ArrivalKind::kPoisson : bench::ArrivalKind::kConstant;
  load.requests = requests;
  load.duration = LimitOf(duration);
  if (requests == 0 && duration == absl::ZeroDuration()) load.duration = kUsualDuration;
  HEKLA_RETURN_IF_ERROR(CheckRange("--max-inflight", max_inflight, 1, 1'000'000));
  HEKLA_RETURN_IF_ERROR(CheckRange("--channels", channels, 1, kMostChannels));
  load.max_inflight = max_inflight;
  load.slow_pause = slow_pause;
  return load;
}

absl::StatusOr<bench::WorkloadOptions> BenchFlags::ToWorkload() const {
  bench::WorkloadOptions workload;
  HEKLA_ASSIGN_OR_RETURN(workload.prompt_tokens, ParseLengths("--prompt-tokens", prompt_tokens));
  HEKLA_ASSIGN_OR_RETURN(workload.output_tokens, ParseLengths("--output-tokens", output_tokens));
  if (!prompts_path.empty()) {
    HEKLA_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(prompts_path));
    workload.prompts = absl::StrSplit(text, '\n', absl::SkipEmpty());
    if (workload.prompts.empty())
      return absl::InvalidArgumentError(absl::StrCat("--prompts: ", prompts_path, " has no line"));
  }
  workload.shared_prefix_share = shared_prefix_share;
  workload.shared_prefix_tokens = shared_prefix_share > 0 ? shared_prefix_tokens : 0;
  workload.cancel_share = cancel_share;
  workload.slow_share = slow_share;
  workload.temperature = temperature;
  workload.ignore_eos = ignore_eos;
  workload.priority = priority;
  workload.seed = seed;
  HEKLA_RETURN_IF_ERROR(workload.Validate());
  return workload;
}

bench::Objectives BenchFlags::ToObjectives() const {
  return {LimitOf(slo_ttft), LimitOf(slo_tpot), LimitOf(slo_e2e)};
}

std::string BenchFlags::Title() const {
  if (rate.has_value()) return absl::StrCat("open loop, ", *rate, " requests/s, ", arrivals);
  return absl::StrCat("closed loop, ", clients.value_or(kUsualClients), " clients");
}

std::vector<std::pair<std::string, std::string>> BenchFlags::Settings() const {
  std::vector<std::pair<std::string, std::string>> settings = {
      {"load", Title()},
      {"prompt_tokens", prompts_path.empty() ? prompt_tokens : absl::StrCat("lines of ", prompts_path)},
      {"output_tokens", output_tokens},
      {"seed", absl::StrCat(seed)},
      {"channels", absl::StrCat(channels)}};
  const auto add = [&settings](const char* name, const std::string& value) {
    settings.emplace_back(name, value);
  };
  if (shared_prefix_share > 0)
    add("shared_prefix", absl::StrCat(shared_prefix_share, " of the prompts, ", shared_prefix_tokens, " tokens"));
  if (cancel_share > 0) add("cancel_share", absl::StrCat(cancel_share));
  if (slow_share > 0)
    add("slow_share", absl::StrCat(slow_share, ", pause ", absl::FormatDuration(slow_pause)));
  if (temperature > 0) add("temperature", absl::StrCat(temperature));
  if (!priority.empty()) add("priority", priority);
  return settings;
}

}  // namespace hekla::service
