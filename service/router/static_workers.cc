#include "service/router/static_workers.h"

#include <grpcpp/client_context.h>

#include <algorithm>
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

 private:
  void Run() {
    absl::Duration pause = kFirstPause;
    while (!Stopping()) {
      const absl::Status status = Follow();
      if (Stopping()) return;
      Log(LogLevel::kDebug, "static_worker_not_there",
          {{"worker", options_.address}, {"error", Describe(status)}});
      pause = was_member_ ? kFirstPause : std::min(pause * 2, kLongestPause);
      was_member_ = false;
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
      if (serving && !was_member_) {
        added = registry_->Add(worker);
        was_member_ = added.ok();
      } else if (was_member_) {
        registry_->SetDraining(*worker, !serving);
      }
    }
    if (!added.ok()) context.TryCancel();
    const grpc::Status status = stream->Finish();
    if (was_member_) registry_->Remove(worker, "health");
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
  bool was_member_ = false;  // the thread's own
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::thread thread_;
};

StaticWorkers::StaticWorkers(const std::vector<std::string>& addresses, const ChannelOptions& to_worker,
                             WorkerRegistry* registry) {
  for (const std::string& address : addresses) {
    ChannelOptions options = to_worker;
    options.address = address;
    watches_.push_back(std::make_unique<Watch>(std::move(options), registry));
  }
}

StaticWorkers::~StaticWorkers() = default;

}  // namespace hekla::service
