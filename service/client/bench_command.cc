// hekla bench: a load, and what a client sees of it.
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "hekla/v1/inference.grpc.pb.h"
#include "service/client/bench/cpu_time.h"
#include "service/client/bench/load_run.h"
#include "service/client/bench/report.h"
#include "service/client/bench/summary.h"
#include "service/client/bench_flags.h"
#include "service/client/chaos_command.h"
#include "service/client/command.h"
#include "service/client/connection.h"
#include "worker/base/status_macros.h"

namespace hekla::service {
namespace {

constexpr absl::Duration kModelLimit = absl::Seconds(10);
// Between lines of progress where they cannot be overwritten.
constexpr absl::Duration kPlainInterval = absl::Seconds(5);

// What the server says of the model to load.
absl::StatusOr<v1::Model> AskForModel(const std::shared_ptr<grpc::Channel>& channel, const std::string& name,
                                      const Connection& connection, const CommandStreams& streams) {
  Connection asked = connection;
  asked.timeout = kModelLimit;
  InterruptibleCall call(asked, streams);
  v1::GetModelRequest request;
  request.set_model(name);
  v1::Model model;
  const grpc::Status status = v1::Inference::NewStub(channel)->GetModel(call.context(), request, &model);
  if (!status.ok()) return Explain(status, connection);
  return model;
}

// One line that is written again and again on a terminal; a line now and then elsewhere.
class ProgressLine {
 public:
  ProgressLine(const CommandStreams& streams, bool quiet) : streams_(streams), quiet_(quiet) {}

  void Show(const bench::Progress& progress) {
    if (quiet_) return;
    if (!streams_.is_terminal && progress.elapsed < next_plain_) return;
    next_plain_ = progress.elapsed + kPlainInterval;
    const double seconds = absl::ToDoubleSeconds(progress.elapsed - last_.elapsed);
    const double rate = seconds > 0 ? static_cast<double>(progress.tokens - last_.tokens) / seconds : 0;
    if (seconds >= 1 || !streams_.is_terminal) {
      last_ = progress;
      shown_rate_ = rate;
    }
    streams_.err << absl::StreamFormat(
        "%s%4.0f s: %d sent, %d ended, %d failed, %d in flight, %.0f tokens/s%s", streams_.is_terminal ? "\r" : "",
        absl::ToDoubleSeconds(progress.elapsed), progress.started, progress.ended, progress.failed,
        progress.started - progress.ended, shown_rate_, streams_.is_terminal ? "   " : "\n");
    streams_.err << std::flush;
    drawn_ = true;
  }
  void End() {
    if (drawn_ && streams_.is_terminal) streams_.err << "\n";
  }

 private:
  const CommandStreams& streams_;
  const bool quiet_;
  absl::Duration next_plain_ = kPlainInterval;
  bench::Progress last_{};
  double shown_rate_ = 0;
  bool drawn_ = false;
};

absl::Status WriteFile(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  file.close();
  return file ? absl::OkStatus() : absl::UnavailableError(absl::StrCat("file ", path, " cannot be written"));
}

absl::Status WriteReports(const BenchFlags& flags, const bench::Report& report, const CommandStreams& streams) {
  if (flags.json_path == "-") {
    streams.out << bench::ReportJson(report);
  } else {
    streams.out << bench::ReportText(report);
    if (!flags.json_path.empty()) HEKLA_RETURN_IF_ERROR(WriteFile(flags.json_path, bench::ReportJson(report)));
  }
  if (!flags.html_path.empty()) HEKLA_RETURN_IF_ERROR(WriteFile(flags.html_path, bench::ReportHtml(report)));
  return absl::OkStatus();
}

// Runs the load and reports it. Returns the exit code.
int RunLoad(const BenchFlags& flags, const bench::LoadOptions& load, const bench::Workload& workload,
            bench::Report report, const CommandStreams& streams) {
  const double cpu_before = bench::ProcessCpuSeconds();
  bench::Summary summary(absl::Now(), flags.ToObjectives());
  bench::LoadRun run(load, &workload, [&summary](const bench::RequestRecord& record) { summary.Add(record); });
  ProgressLine line(streams, flags.quiet);
  bool interrupted = false;
  run.Run([&](const bench::Progress& progress) {
    line.Show(progress);
    if (interrupted || !streams.interrupted()) return;
    interrupted = true;
    run.Stop();
  });
  line.End();
  report.begun = run.begun();
  report.elapsed = absl::Now() - run.begun();
  report.client_cpu_seconds = bench::ProcessCpuSeconds() - cpu_before;
  report.interrupted = interrupted;
  report.summary = &summary;
  if (absl::Status status = WriteReports(flags, report, streams); !status.ok()) return Fail(status, streams);
  if (!summary.IsExact()) return kExitError;
  if (interrupted) return kExitCancelled;
  return summary.completed + summary.cancelled > 0 ? kExitOk : kExitError;
}

}  // namespace

int RunBench(const std::vector<std::string>& arguments, const CommandStreams& streams) {
  Connection connection;
  BenchFlags flags;
  ChaosFlags chaos;
  CommandLine line(
      "hekla bench [FLAGS]",
      "Puts a load on a router or worker and prints what its clients see: time to first token (TTFT),\n"
      "inter-token latency (ITL), time per output token (TPOT), the whole request (E2E), errors, and whether\n"
      "every token came exactly once. In an open loop latencies count from when a request was due, so that a\n"
      "server that falls behind is not flattered. Ctrl-C ends it with what there is.\n"
      "Exit codes: 0 done; 1 a token was missing or came twice, or no request succeeded, or another error;\n"
      "2 wrong usage; 130 ended by Ctrl-C.\n"
      "\n"
      "  hekla bench --clients 32 --duration 1m --prompt-tokens lognormal:200,0.8,2000 --html bench.html\n"
      "  hekla bench --rate 20 --requests 1000 --slo-ttft 500ms --slo-tpot 50ms --cancel-share 0.1\n"
      "  hekla bench --chaos --chaos-workers 2");
  flags.AddTo(line);
  chaos.AddTo(line);
  AddConnectionFlags(line, kRouterAddress, &connection);
  int exit_code = kExitOk;
  if (!ParseOrExplain(line, arguments, streams, &exit_code)) return exit_code;
  absl::Status status = line.positional().empty() ? absl::OkStatus()
                                                  : absl::InvalidArgumentError(absl::StrCat(
                                                        "unexpected argument '", line.positional()[0], "'"));
  absl::StatusOr<bench::LoadOptions> load = flags.ToLoad();
  const absl::StatusOr<bench::WorkloadOptions> options = flags.ToWorkload();
  if (status.ok() && chaos.chaos) return RunChaos(chaos, flags, streams);
  if (status.ok() && chaos != ChaosFlags()) {
    status = absl::InvalidArgumentError("--chaos-faults, -workers, -model, -relent and --programs need --chaos");
  }
  if (status.ok()) status = load.status();
  if (status.ok()) status = options.status();
  if (!status.ok()) {
    streams.err << "hekla: " << status.message() << "\n";
    return kExitUsage;
  }
  for (uint32_t i = 0; i < flags.channels; ++i) {
    const auto channel = OpenChannel(connection.channel);
    if (!channel.ok()) return Fail(channel.status(), streams);
    load->channels.push_back(*channel);
  }
  if (connection.timeout > absl::ZeroDuration()) load->call_limit = connection.timeout;
  const auto model = AskForModel(load->channels.front(), flags.model, connection, streams);
  if (!model.ok()) return Fail(model.status(), streams);
  const bench::Workload workload(*options, *model);
  if (status = workload.CheckFits(); !status.ok()) return Fail(status, streams);

  bench::Report report;
  report.title = flags.Title();
  report.settings = flags.Settings();
  report.settings.emplace_back("address", connection.channel.address);
  report.settings.emplace_back("model", absl::StrCat(model->name(), ", ", model->workers(), " workers"));
  return RunLoad(flags, *load, workload, std::move(report), streams);
}

}  // namespace hekla::service
