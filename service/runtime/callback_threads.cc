#include "service/runtime/callback_threads.h"

#include <grpc/support/cpu.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/synchronization/notification.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace hekla::service {
namespace {

// A call over a channel that leads nowhere; `body` runs on one of the threads.
class FailingCall {
 public:
  FailingCall(const std::shared_ptr<grpc::Channel>& channel, std::function<void()> body)
      : stub_(grpc::health::v1::Health::NewStub(channel)) {
    stub_->async()->Check(&context_, &request_, &response_,
                          [body = std::move(body)](const grpc::Status&) { body(); });
  }

 private:
  const std::unique_ptr<grpc::health::v1::Health::Stub> stub_;
  grpc::ClientContext context_;
  const grpc::health::v1::HealthCheckRequest request_;
  grpc::health::v1::HealthCheckResponse response_;
};

// A channel holds the threads from its first call on. Without credentials every call fails at once.
std::shared_ptr<grpc::Channel> ChannelThatWasUsed() {
  std::shared_ptr<grpc::Channel> channel = grpc::CreateChannel(std::string(), nullptr);
  absl::Notification done;
  const FailingCall call(channel, [&] { done.Notify(); });
  done.WaitForNotification();
  return channel;
}

const std::shared_ptr<grpc::Channel>& KeptChannel() {
  static const auto* const kept = new std::shared_ptr<grpc::Channel>(ChannelThatWasUsed());  // never closed
  return *kept;
}

}  // namespace

void KeepCallbackThreads() { KeptChannel(); }

int ParkCallbackThreads(int active) {
  // As CompletionQueue::CallbackAlternativeCQ() of gRPC 1.51 counts them; other versions go about it in other ways.
  const int threads = std::clamp(static_cast<int>(gpr_cpu_num_cores() / 2), 2, 16);
  if (!absl::StartsWith(grpc::Version(), "1.51.")) return threads;
  active = std::clamp(active, 1, threads);
  for (int i = active; i < threads; ++i) {
    auto* const parked = new absl::Notification;
    new FailingCall(KeptChannel(), [parked] {
      parked->Notify();
      absl::Notification().WaitForNotification();
    });
    parked->WaitForNotification();
  }
  return active;
}

}  // namespace hekla::service
