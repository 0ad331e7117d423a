#include "service/client/chaos/chaos_run.h"

#include <grpcpp/client_context.h>

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "hekla/v1/inference.grpc.pb.h"
#include "service/client/bench/load_run.h"
#include "service/runtime/channel.h"
#include "service/runtime/status.h"
#include "worker/base/status_macros.h"

namespace hekla::chaos {
namespace {

constexpr int kChannels = 2;
constexpr int kStruckWorker = 0;
constexpr uint64_t kTokensBeforeFault = 5;  // a stream, on average
constexpr uint32_t kRestartAttempts = 100;  // while there is no router
constexpr absl::Duration kRestartLimit = absl::Seconds(60);
constexpr absl::Duration kPoll = absl::Milliseconds(5);
constexpr absl::Duration kModelLimit = absl::Seconds(10);
// A slow worker computes for a tenth of the time.
constexpr absl::Duration kSlowStop = absl::Milliseconds(90), kSlowGo = absl::Milliseconds(10);

struct Target {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  v1::Model model;
};

absl::StatusOr<Target> Connect(const std::string& address) {
  Target target;
  service::ChannelOptions options;
  options.address = address;
  for (int i = 0; i < kChannels; ++i) {
    HEKLA_ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel, service::OpenChannel(options));
    target.channels.push_back(std::move(channel));
  }
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kModelLimit));
  const auto stub = v1::Inference::NewStub(target.channels.front());
  const grpc::Status status = stub->GetModel(&context, v1::GetModelRequest(), &target.model);
  if (!status.ok()) return service::FromGrpc(status);
  return target;
}

bench::LoadOptions LoadOf(const ChaosOptions& options, const Target& target, uint64_t requests) {
  bench::LoadOptions load;
  load.channels = target.channels;
  load.clients = options.clients;
  load.requests = requests;
  return load;
}

// Stops and continues a process in turns, for as long as it lives.
class SlowPulse {
 public:
  explicit SlowPulse(service::ChildProcess* process) : thread_([this, process] { Run(process); }) {}
  ~SlowPulse() {
    stop_.Notify();
    thread_.join();
  }

 private:
  void Run(service::ChildProcess* process) {
    do {
      process->Signal(SIGSTOP);
      const bool stopped = stop_.WaitForNotificationWithTimeout(kSlowStop);
      process->Signal(SIGCONT);
      if (stopped) return;
    } while (!stop_.WaitForNotificationWithTimeout(kSlowGo));
  }

  absl::Notification stop_;
  std::thread thread_;
};

// The load of one row, on a thread of its own.
class BackgroundLoad {
 public:
  BackgroundLoad(const bench::LoadOptions& options, const bench::Workload* workload,
                 std::function<bool()> interrupted)
      : interrupted_(std::move(interrupted)),
        run_(options, workload, [this](const bench::RequestRecord& record) { records_.push_back(record); }),
        thread_([this] {
          run_.Run([this](const bench::Progress&) {
            if (interrupted_()) run_.Stop();
          });
          done_.Notify();
        }) {}
  ~BackgroundLoad() {
    if (!done_.HasBeenNotified()) run_.Stop();
    thread_.join();
  }

  bool AwaitDone(absl::Duration limit) { return done_.WaitForNotificationWithTimeout(limit); }
  bench::Progress progress() const { return run_.progress(); }
  // After AwaitDone() was true.
  const std::vector<bench::RequestRecord>& records() const { return records_; }

 private:
  const std::function<bool()> interrupted_;
  std::vector<bench::RequestRecord> records_;
  bench::LoadRun run_;
  absl::Notification done_;
  std::thread thread_;
};

absl::Status Inject(Fault fault, Cluster& cluster) {
  if (fault == Fault::kKill) cluster.worker(kStruckWorker).Signal(SIGKILL);
  if (fault == Fault::kFreeze) cluster.worker(kStruckWorker).Signal(SIGSTOP);
  if (fault == Fault::kLinkReset) cluster.SetLinks(kStruckWorker, LinkProxy::Link::kBroken);
  if (fault == Fault::kLinkSilent) cluster.SetLinks(kStruckWorker, LinkProxy::Link::kSilent);
  if (fault == Fault::kDrain) return cluster.Drain(kStruckWorker);
  if (fault == Fault::kRestart) return cluster.RestartRouter(kRestartLimit);
  return absl::OkStatus();
}

void Relent(Fault fault, Cluster& cluster) {
  if (fault == Fault::kFreeze) cluster.worker(kStruckWorker).Signal(SIGCONT);
  if (fault == Fault::kLinkSilent) cluster.SetLinks(kStruckWorker, LinkProxy::Link::kBroken);
}

}  // namespace

absl::StatusOr<std::vector<uint64_t>> ExpectedHashes(const ChaosOptions& options) {
  ClusterOptions alone = options.cluster;
  alone.fake_rate = 0;
  HEKLA_ASSIGN_OR_RETURN(const LoneWorker worker, StartLoneWorker(alone));
  HEKLA_ASSIGN_OR_RETURN(const Target target, Connect(worker.address));
  const bench::Workload workload(options.work, target.model);
  HEKLA_RETURN_IF_ERROR(workload.CheckFits());
  const uint64_t count = options.work.distinct > 0 ? options.work.distinct : options.requests;
  std::vector<uint64_t> hashes(count);
  absl::Status broken;
  bench::LoadRun run(LoadOf(options, target, count), &workload, [&](const bench::RequestRecord& record) {
    hashes[record.index] = record.output_hash;
    if (!record.IsComplete()) broken = record.status;
  });
  run.Run([](const bench::Progress&) {});
  if (!broken.ok())
    return absl::Status(broken.code(), absl::StrCat("the run to compare with: ", broken.message()));
  return hashes;
}

absl::StatusOr<FaultRow> RunFault(const ChaosOptions& options, Fault fault, int workers,
                                  const std::vector<uint64_t>& expected_hashes,
                                  const std::function<bool()>& interrupted) {
  HEKLA_ASSIGN_OR_RETURN(const std::unique_ptr<Cluster> cluster, Cluster::Start(options.cluster, workers));
  HEKLA_ASSIGN_OR_RETURN(const Target target, Connect(cluster->address()));
  const bench::Workload workload(options.work, target.model);
  bench::LoadOptions load = LoadOf(options, target, options.requests);
  if (fault == Fault::kRestart) load.max_attempts = kRestartAttempts;
  BackgroundLoad background(load, &workload, interrupted);
  while (background.progress().started < options.requests / 4 && !background.AwaitDone(kPoll)) {
  }
  // Clients that began together are in step; not just when all of them begin anew.
  const uint64_t tokens = background.progress().tokens + kTokensBeforeFault * options.clients;
  while (background.progress().tokens < tokens && !background.AwaitDone(kPoll)) {
  }

  const absl::Time fault_time = absl::Now();
  std::optional<absl::Duration> detected, restarted;
  HEKLA_RETURN_IF_ERROR(Inject(fault, *cluster));
  if (fault == Fault::kRestart) {
    HEKLA_RETURN_IF_ERROR(cluster->AwaitReady(workers, kRestartLimit));
    restarted = absl::Now() - fault_time;
  }
  std::optional<SlowPulse> pulse;
  if (fault == Fault::kSlow) pulse.emplace(&cluster->worker(kStruckWorker));
  const bool is_seen = fault != Fault::kNone && fault != Fault::kRestart;  // in the list of workers
  bool relented = false;
  while (!background.AwaitDone(kPoll)) {
    const absl::Duration since = absl::Now() - fault_time;
    if (is_seen && !detected.has_value()) {
      const auto state = cluster->StateOf(kStruckWorker);
      if (state.ok() && (!state->has_value() || (*state)->state() != v1::WorkerState::READY)) detected = since;
    }
    if (since < options.relents_after || relented) continue;
    relented = true;
    Relent(fault, *cluster);
    pulse.reset();
  }
  if (interrupted()) return absl::CancelledError("interrupted");
  FaultRow row = MakeRow(fault, workers, fault_time, background.records(), expected_hashes);
  row.detected = detected;
  if (restarted.has_value()) row.recovered = restarted;
  return row;
}

}  // namespace hekla::chaos
