#include "service/router/attachment_service.h"

#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include "service/runtime/status.h"
#include "tests/support/service/router_fixture.h"

namespace hekla::service {
namespace {

TEST(AttachmentServiceTest, AnUnspecifiedHostBecomesThePeers) {
  EXPECT_EQ(*WorkerEndpoint("10.0.0.1:7", "ipv4:9.9.9.9:1234"), "10.0.0.1:7");
  EXPECT_EQ(*WorkerEndpoint("0.0.0.0:7", "ipv4:9.9.9.9:1234"), "9.9.9.9:7");
  EXPECT_EQ(*WorkerEndpoint("[::]:7", "ipv6:%5B::1%5D:1234"), "[::1]:7");
  for (const char* bad : {"", "host", ":7", "host:", "host:0", "host:70000", "host:x"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(WorkerEndpoint(bad, "ipv4:9.9.9.9:1").status())) << bad;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(WorkerEndpoint("0.0.0.0:7", "unix:").status()));
}

TEST(AttachmentServiceTest, ChecksRegistrations) {
  v1::Registration registration;
  registration.set_worker_id("node-1.example:0_a");
  registration.mutable_model()->set_name("m");
  EXPECT_TRUE(CheckRegistration(registration).ok());
  for (const std::string& bad :
       {std::string(), std::string("two words"), std::string(129, 'x'), std::string("a\nb")}) {
    registration.set_worker_id(bad);
    EXPECT_EQ(BadRequestOf(CheckRegistration(registration)).field_violations(0).field(),
              "registration.worker_id");
  }
  registration.set_worker_id("w");
  registration.clear_model();
  EXPECT_EQ(BadRequestOf(CheckRegistration(registration)).field_violations(0).field(),
            "registration.model.name");
}

TEST(AttachmentServiceTest, AFirstReportWithoutRegistrationIsRefused) {
  RouterFixture fixture;
  ChannelOptions options;
  options.address = fixture.admin_address();
  const auto stub = v1::Attachment::NewStub(*OpenChannel(options));
  grpc::ClientContext context;
  const auto lease = stub->Attach(&context);
  v1::WorkerReport report;
  report.mutable_load();
  EXPECT_TRUE(lease->Write(report));
  v1::RouterCommand command;
  EXPECT_FALSE(lease->Read(&command));
  const absl::Status status = FromGrpc(lease->Finish());
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_EQ(BadRequestOf(status).field_violations(0).field(), "registration");
}

TEST(AttachmentServiceTest, TellsTheReportInterval) {
  RouterFixture fixture;
  const auto worker = fixture.AddWorker("w0");
  ASSERT_EQ(worker->commands().size(), 1u);
  EXPECT_EQ(worker->commands()[0].attached().report_interval().nanos(), 250'000'000);
  EXPECT_FALSE(worker->commands()[0].attached().router_id().empty());
}

TEST(AttachmentServiceTest, ReportsReachTheOperators) {
  RouterFixture fixture;
  const auto worker = fixture.AddWorker("w0");
  v1::Load load;
  load.set_running(3);
  load.set_draining(true);
  worker->Report(load);
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_workers{state=\"draining\"} 1"));
  grpc::ClientContext context;
  v1::ListWorkersResponse workers;
  ASSERT_TRUE(fixture.admin().ListWorkers(&context, {}, &workers).ok());
  ASSERT_EQ(workers.workers_size(), 1);
  EXPECT_EQ(workers.workers(0).load().running(), 3u);
  EXPECT_EQ(workers.workers(0).state(), v1::WorkerState::DRAINING);
}

}  // namespace
}  // namespace hekla::service
