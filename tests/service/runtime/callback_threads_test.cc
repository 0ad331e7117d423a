#include "service/runtime/callback_threads.h"

#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace hekla::service
