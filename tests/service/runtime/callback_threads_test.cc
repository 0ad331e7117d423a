#include "service/runtime/callback_threads.h"

#include <grpcpp/client_context.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "service/runtime/channel.h"
#include "service/runtime/grpc_server.h"
#include "service/runtime/health_service.h"

namespace hekla::service {
namespace {

// Servers and channels that come and go one after the other, as the loads of a bench do: without the threads that are kept, the last of
// each ends them, and gRPC aborts now and then.
TEST(CallbackThreadsTest, OutliveServersAndChannels) {
  KeepCallbackThreads();
  KeepCallbackThreads();
  for (int round = 0; round < 20; ++round) {
    HealthService health;
    health.Set("", true);
    ServerOptions options;
    options.address = "127.0.0.1:0";
    options.services = {&health};
    auto server = GrpcServer::Start(options);
    ASSERT_TRUE(server.ok()) << server.status();
    std::vector<std::thread> callers;
    for (int i = 0; i < 4; ++i) {
      callers.emplace_back([port = (*server)->port()] {
        ChannelOptions to;
        to.address = "127.0.0.1:" + std::to_string(port);
        const auto channel = OpenChannel(to);
        ASSERT_TRUE(channel.ok()) << channel.status();
        const auto stub = grpc::health::v1::Health::NewStub(*channel);
        grpc::ClientContext context;
        context.set_wait_for_ready(true);  // gRPC 1.51 now and then takes a connection that is under way for a failed one
        const grpc::health::v1::HealthCheckRequest request;
        grpc::health::v1::HealthCheckResponse response;
        absl::Notification done;
        grpc::Status status;
        stub->async()->Check(&context, &request, &response, [&](const grpc::Status& end) { status = end, done.Notify(); });
        done.WaitForNotification();
        EXPECT_TRUE(status.ok()) << status.error_message();
      });
    }
    for (std::thread& caller : callers) caller.join();
  }
}

// Starts a call whose callback notifies `began` and then waits for `go_on`.
struct WaitingCall {
  WaitingCall(grpc::health::v1::Health::Stub& stub, absl::Notification* go_on) {
    stub.async()->Check(&context, &request, &response, [this, go_on](const grpc::Status&) {
      began.Notify();
      go_on->WaitForNotification();
      ended.Notify();
    });
  }
  grpc::ClientContext context;
  const grpc::health::v1::HealthCheckRequest request;
  grpc::health::v1::HealthCheckResponse response;
  absl::Notification began, ended;
};

// 0 if one callback after the other runs.
int OneThreadAtWork() {
  if (ParkCallbackThreads(1) != 1) return 1;
  HealthService health;
  health.Set("", true);
  ServerOptions options;
  options.address = "127.0.0.1:0";
  options.services = {&health};
  const auto server = GrpcServer::Start(options);
  if (!server.ok()) return 2;
  ChannelOptions to;
  to.address = "127.0.0.1:" + std::to_string((*server)->port());
  const auto stub = grpc::health::v1::Health::NewStub(*OpenChannel(to));
  absl::Notification go_on;
  WaitingCall first(*stub, &go_on);
  first.began.WaitForNotification();
  WaitingCall second(*stub, &go_on);
  if (second.began.WaitForNotificationWithTimeout(absl::Milliseconds(200))) return 3;
  go_on.Notify();
  first.ended.WaitForNotification();
  second.ended.WaitForNotification();
  return 0;
}

TEST(CallbackThreadsDeathTest, AllButOneCanBeParked) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(_exit(OneThreadAtWork()), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace hekla::service
