#include "service/client/chaos/cluster.h"

#include <grpcpp/client_context.h>

#include <csignal>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "service/runtime/channel.h"
#include "service/runtime/log.h"
#include "service/runtime/status.h"
#include "worker/base/status_macros.h"

namespace hekla::chaos {
namespace {

using service::ChildProcess;
using service::LogValue;

constexpr absl::Duration kRouterStart = absl::Seconds(30);
constexpr absl::Duration kWorkerStart = absl::Minutes(5);  // a model has to be loaded
constexpr absl::Duration kAnswerLimit = absl::Seconds(10);
constexpr absl::Duration kReadyPoll = absl::Milliseconds(5);
constexpr char kAnyPort[] = "127.0.0.1:0";

std::vector<std::string> WorkerWords(const ClusterOptions& options) {
  std::vector<std::string> words = {"--listen", kAnyPort};
  if (options.model_path.empty()) {
    words.insert(words.end(), {absl::StrCat("--rate=", options.fake_rate),
                               absl::StrCat("--max_sequences=", options.max_sequences)});
  } else {
    words.insert(words.end(), {"--model", options.model_path, "--max-sequences",
                               absl::StrCat(options.max_sequences)});
  }
  words.insert(words.end(), options.worker_flags.begin(), options.worker_flags.end());
  return words;
}

std::string WorkerProgram(const ClusterOptions& options) {
  return absl::StrCat(options.programs, options.model_path.empty() ? "/hekla-fake-worker" : "/hekla-worker");
}

absl::StatusOr<std::unique_ptr<ChildProcess>> Launch(const std::string& program,
                                                     const std::vector<std::string>& words) {
  return ChildProcess::Start(program, words, ChildProcess::Output::kLogLines);
}

std::unique_ptr<grpc::ClientContext> Context(absl::Duration limit = kAnswerLimit) {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(absl::ToChronoTime(absl::Now() + limit));
  return context;
}

}  // namespace

std::string FolderOfThisProgram() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
}

std::string Cluster::WorkerId(int worker) { return absl::StrCat("worker-", worker); }

absl::StatusOr<LoneWorker> StartLoneWorker(const ClusterOptions& options) {
  LoneWorker lone;
  HEKLA_ASSIGN_OR_RETURN(lone.process, Launch(WorkerProgram(options), WorkerWords(options)));
  HEKLA_ASSIGN_OR_RETURN(const std::string line, lone.process->AwaitLine(" ready ", kWorkerStart));
  lone.address = LogValue(line, "address");
  return lone;
}

absl::StatusOr<std::unique_ptr<Cluster>> Cluster::Start(const ClusterOptions& options, int workers) {
  std::unique_ptr<Cluster> cluster(new Cluster(options));
  HEKLA_RETURN_IF_ERROR(cluster->StartRouter(kAnyPort, kAnyPort));
  cluster->workers_.resize(static_cast<size_t>(workers));
  for (int i = 0; i < workers; ++i) HEKLA_RETURN_IF_ERROR(cluster->StartWorker(i));
  HEKLA_RETURN_IF_ERROR(cluster->AwaitReady(workers, kRouterStart));
  return cluster;
}

absl::Status Cluster::StartRouter(const std::string& listen, const std::string& admin_listen) {
  std::vector<std::string> words = {"--listen", listen, "--admin-listen", admin_listen, "--metrics-listen", kAnyPort};
  words.insert(words.end(), options_.router_flags.begin(), options_.router_flags.end());
  HEKLA_ASSIGN_OR_RETURN(router_, Launch(options_.programs + "/hekla-router", words));
  HEKLA_ASSIGN_OR_RETURN(const std::string line, router_->AwaitLine("router_ready", kRouterStart));
  address_ = absl::StrCat("127.0.0.1:", LogValue(line, "port"));
  admin_address_ = absl::StrCat("127.0.0.1:", LogValue(line, "admin_port"));
  service::ChannelOptions options;
  options.address = admin_address_;
  HEKLA_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, service::OpenChannel(options));
  admin_ = v1::Admin::NewStub(channel);
  return absl::OkStatus();
}

absl::Status Cluster::StartWorker(int index) {
  WorkerPlace& place = workers_[index];
  HEKLA_ASSIGN_OR_RETURN(place.to_router, LinkProxy::Start());
  HEKLA_ASSIGN_OR_RETURN(place.to_worker, LinkProxy::Start());
  std::vector<std::string> words = WorkerWords(options_);
  words.insert(words.end(), {"--id", WorkerId(index), "--router", place.to_router->address(), "--endpoint",
                             place.to_worker->address()});
  HEKLA_ASSIGN_OR_RETURN(place.process, Launch(WorkerProgram(options_), words));
  HEKLA_ASSIGN_OR_RETURN(const std::string line, place.process->AwaitLine(" ready ", kWorkerStart));
  // In this order: it cannot attach before it can be called.
  place.to_worker->SetTarget(LogValue(line, "address"));
  place.to_router->SetTarget(admin_address_);
  return absl::OkStatus();
}

void Cluster::SetLinks(int worker, LinkProxy::Link link) {
  workers_[worker].to_router->Set(link);
  workers_[worker].to_worker->Set(link);
}

absl::StatusOr<std::optional<v1::WorkerState>> Cluster::StateOf(int worker) {
  v1::ListWorkersResponse response;
  const grpc::Status status = admin_->ListWorkers(Context().get(), v1::ListWorkersRequest(), &response);
  if (!status.ok()) return service::FromGrpc(status);
  for (const v1::WorkerState& state : response.workers()) {
    if (state.worker_id() == WorkerId(worker)) return state;
  }
  return std::optional<v1::WorkerState>();
}

absl::Status Cluster::Drain(int worker) {
  v1::DrainRequest request;
  request.set_worker_id(WorkerId(worker));
  v1::DrainResponse response;
  return service::FromGrpc(admin_->Drain(Context().get(), request, &response));
}

absl::Status Cluster::AwaitReady(int workers, absl::Duration limit) {
  const absl::Time end = absl::Now() + limit;
  int ready = 0;
  while (absl::Now() < end) {
    ready = 0;
    for (int i = 0; i < workers; ++i) {
      const auto state = StateOf(i);
      if (state.ok() && state->has_value() && (*state)->state() == v1::WorkerState::READY) ++ready;
    }
    if (ready == workers) return absl::OkStatus();
    absl::SleepFor(kReadyPoll);
  }
  return absl::DeadlineExceededError(
      absl::StrCat(ready, " of ", workers, " workers are ready after ", absl::FormatDuration(limit)));
}

absl::Status Cluster::RestartRouter(absl::Duration limit) {
  router_->Signal(SIGTERM);
  if (!router_->AwaitEnd(limit)) {
    return absl::DeadlineExceededError(
        absl::StrCat("the router has not ended ", absl::FormatDuration(limit), " after SIGTERM"));
  }
  return StartRouter(address_, admin_address_);
}

}  // namespace hekla::chaos
