#include "service/runtime/callback_pulse.h"

#include <grpcpp/client_context.h>

#include "absl/time/time.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace hekla::service {
namespace {

// A quarter of the second after which a thread goes to sleep.
constexpr absl::Duration kInterval = absl::Milliseconds(250);

}  // namespace

CallbackPulse::CallbackPulse(grpc::Server* server)
    : channel_(server->InProcessChannel(grpc::ChannelArguments())) {
  thread_ = std::thread([this] { Run(); });
}

CallbackPulse::~CallbackPulse() {
  stop_.Notify();
  thread_.join();
}

void CallbackPulse::Run() {
  const auto stub = grpc::health::v1::Health::NewStub(channel_);
  const grpc::health::v1::HealthCheckRequest request;
  while (!stop_.WaitForNotificationWithTimeout(kInterval)) {
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckResponse response;
    absl::Notification done;
    // Any answer will do, that there is no such service as well.
    stub->async()->Check(&context, &request, &response, [&](const grpc::Status&) { done.Notify(); });
    done.WaitForNotification();
  }
}

}  // namespace hekla::service
