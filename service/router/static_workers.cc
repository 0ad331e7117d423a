#include "service/router/static_workers.h"

#include <grpcpp/client_context.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <set>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "service/runtime/log.h"
#include "service/runtime/status.h"

namespace hekla::service {
namespace {

constexpr absl::Duration kModelLimit = absl::Seconds(5);
constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
constexpr absl::Duration kLongestPause = absl::Seconds(5);

}  // namespace

class StaticWorkers::Watch {
 public:
  Watch(ChannelOptions options, WorkerRegistry* registry)
      : options_(std::move(options)), registry_(registry) {
    thread_ = std::thread([this] { Run(); });
  }

  ~Watch() {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
      if (context_ != nullptr) context_->TryCancel();
    }
    thread_.join();
  }

  bool is_member() const { return is_member_; }

 private:
  void Run() {
    absl::Duration pause = kFirstPause;
    while (!Stopping()) {
      const absl::Status status = Follow();
      if (Stopping()) return;
      Log(LogLevel::kDebug, "static_worker_not_there",
          {{"worker", options_.address}, {"error", Describe(status)}});
      pause = is_member_ ? kFirstPause : std::min(pause * 2, kLongestPause);
      is_member_ = false;
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(&stopping_), pause);
    }
  }

  // From dialling to the end of the watch.
  absl::Status Follow() {
    const absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = OpenChannel(options_);
    if (!channel.ok()) return channel.status();
    v1::Registration registration;
    registration.set_worker_id(options_.address);
    registration.set_incarnation(static_cast<uint64_t>(absl::ToUnixMicros(absl::Now())));
    registration.set_endpoint(options_.address);
    grpc::ClientContext model_context;
    model_context.set_deadline(absl::ToChronoTime(absl::Now() + kModelLimit));
    const grpc::Status asked = v1::Inference::NewStub(*channel)->GetModel(
        &model_context, v1::GetModelRequest(), registration.mutable_model());
    if (!asked.ok()) return FromGrpc(asked);

    auto worker = std::make_shared<Worker>(std::move(registration), /*is_static=*/true, *channel,
                                           [](const v1::RouterCommand&) {});
    grpc::ClientContext context;
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return absl::OkStatus();
      context_ = &context;
    }
    grpc::health::v1::HealthCheckRequest request;
    const auto stub = grpc::health::v1::Health::NewStub(*channel);
    const auto stream = stub->Watch(&context, request);
    absl::Status added = absl::OkStatus();
    grpc::health::v1::HealthCheckResponse health;
    while (added.ok() && stream->Read(&health)) {
      const bool serving = health.status() == grpc::health::v1::HealthCheckResponse::SERVING;
      if (serving && !is_member_) {
        added = registry_->Add(worker);
        is_member_ = added.ok();
        if (is_member_) {
          worker->exchange().WantLoads(kReportInterval, [this, weak = std::weak_ptr<Worker>(worker)](const v1::Load& load) {
            if (const std::shared_ptr<Worker> alive = weak.lock()) registry_->Report(*alive, load);
          });
        }
      } else if (is_member_) {
        registry_->SetDraining(*worker, !serving);
      }
    }
    if (!added.ok()) context.TryCancel();
    const grpc::Status status = stream->Finish();
    worker->exchange().StopLoads();
    if (is_member_) registry_->Remove(worker, "health");
    absl::MutexLock lock(&mutex_);
    context_ = nullptr;
    return added.ok() ? FromGrpc(status) : added;
  }

  bool Stopping() {
    absl::MutexLock lock(&mutex_);
    return stopping_;
  }

  const ChannelOptions options_;
  WorkerRegistry* const registry_;
  std::atomic<bool> is_member_ = false;  // set by the thread
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::thread thread_;
};

StaticWorkers::StaticWorkers(std::vector<std::string> names, const Options& options, WorkerRegistry* registry)
    : options_(options), registry_(registry), names_(std::move(names)) {
  thread_ = std::thread([this] { Run(); });
}

StaticWorkers::~StaticWorkers() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void StaticWorkers::SetNames(std::vector<std::string> names) {
  absl::MutexLock lock(&mutex_);
  names_ = std::move(names);
  changed_ = true;
}

void StaticWorkers::Run() {
  while (true) {
    std::vector<std::string> names;
    {
      absl::MutexLock lock(&mutex_);
      const auto wakes = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return stopping_ || changed_; };
      mutex_.AwaitWithTimeout(absl::Condition(&wakes), options_.resolve_interval);
      if (stopping_) return;
      changed_ = false;
      names = names_;
    }
    Resolve(names);
  }
}

void StaticWorkers::Resolve(const std::vector<std::string>& names) {
  std::map<std::string, std::string> name_of;  // by address
  std::set<std::string> failed;
  for (const std::string& name : names) {
    const absl::StatusOr<std::vector<std::string>> addresses = options_.resolve(name);
    if (!addresses.ok()) {
      Log(LogLevel::kWarning, "worker_name_not_resolved",
          {{"worker", name}, {"error", Describe(addresses.status())}});
      failed.insert(name);  // what it had is kept: the resolver's trouble is not the workers'
      continue;
    }
    for (const std::string& address : *addresses) name_of.emplace(address, name);
  }
  const std::set<std::string> known(names.begin(), names.end());
  for (auto each = entries_.begin(); each != entries_.end();) {
    Entry& entry = each->second;
    const auto listed = name_of.find(each->first);
    if (listed != name_of.end()) entry.name = listed->second;
    entry.is_listed = listed != name_of.end() || failed.count(entry.name) > 0;
    const bool leaves = !entry.is_listed && (known.count(entry.name) == 0 || !entry.watch->is_member());
    each = leaves ? entries_.erase(each) : std::next(each);
  }
  for (const auto& [address, name] : name_of) {
    if (entries_.count(address) > 0) continue;
    ChannelOptions options = options_.to_worker;
    options.address = address;
    options.tls_server_name = name.substr(0, name.rfind(':'));
    entries_[address] = {name, std::make_unique<Watch>(std::move(options), registry_), true};
  }
}

}  // namespace hekla::service
