#include "worker/worker_server.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "grpc/health/v1/health.grpc.pb.h"
#include "service/runtime/status.h"
#include "tests/support/engine_fake/byte_vocabulary.h"
#include "tests/support/engine_fake/service_fixture.h"

namespace hekla::worker {
namespace {

class WorkerServerTest : public testing::Test {
 protected:
  WorkerServerTest() : tokenizer_(text::MakeByteTokenizer()) {
    engine::FakeEngineOptions options;
    options.gated = true;
    engine_ = std::make_unique<engine::FakeEngine>(options);
  }
  absl::StatusOr<std::unique_ptr<WorkerServer>> Start(const WorkerConfig& config) {
    return WorkerServer::Start(config, MakeByteModel(*tokenizer_, engine_->Status().limits, 64),
                               engine_.get(), LoadSeconds{1, 2, 3, 4});
  }
  static std::shared_ptr<grpc::Channel> Dial(const WorkerServer& server) {
    return grpc::CreateChannel(server.address(), grpc::InsecureChannelCredentials());
  }
  std::unique_ptr<text::Tokenizer> tokenizer_;
  std::unique_ptr<engine::FakeEngine> engine_;
};

TEST_F(WorkerServerTest, AnswersHealthForItsModel) {
  auto server = Start(WorkerConfig());
  ASSERT_TRUE(server.ok()) << server.status();
  auto stub = grpc::health::v1::Health::NewStub(Dial(**server));
  for (const char* name : {"", "hekla.v1.Inference", "model/bytes"}) {
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(name);
    grpc::health::v1::HealthCheckResponse response;
    ASSERT_TRUE(stub->Check(&context, request, &response).ok()) << name;
    EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING) << name;
  }
}

TEST_F(WorkerServerTest, DrainLetsRunningRequestsFinish) {
  auto server = Start(WorkerConfig());
  ASSERT_TRUE(server.ok()) << server.status();
  auto stub = v1::Inference::NewStub(Dial(**server));
  grpc::ClientContext context;
  auto stream = stub->Generate(&context, TextRequest("abc", 3));
  v1::GenerateResponse response;
  ASSERT_TRUE(stream->Read(&response));
  bool done = false;
  std::thread drain([&] { done = (*server)->Drain(absl::Seconds(20)); });
  engine_->Grant(3);
  int tokens = 0;
  while (stream->Read(&response)) tokens += response.delta().token_count();
  EXPECT_TRUE(stream->Finish().ok());
  drain.join();
  EXPECT_TRUE(done);
  EXPECT_EQ(tokens, 3);
}

TEST_F(WorkerServerTest, DrainEndsWhatIsNotDoneInTime) {
  auto server = Start(WorkerConfig());
  ASSERT_TRUE(server.ok()) << server.status();
  auto stub = v1::Inference::NewStub(Dial(**server));
  grpc::ClientContext context;
  auto stream = stub->Generate(&context, TextRequest("abc", 3));
  v1::GenerateResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_FALSE((*server)->Drain(absl::ZeroDuration()));
  while (stream->Read(&response)) {
  }
  EXPECT_EQ(service::ReasonOf(service::FromGrpc(stream->Finish())), v1::ERROR_REASON_DRAINING);
  EXPECT_TRUE(engine_->AwaitIdle(absl::Seconds(20)));
}

TEST_F(WorkerServerTest, RefusesAnAddressThatIsTakenAndAPublicOneWithoutTls) {
  auto first = Start(WorkerConfig());
  ASSERT_TRUE(first.ok()) << first.status();
  WorkerConfig config;
  config.listen = (*first)->address();
  EXPECT_EQ(Start(config).status().code(), absl::StatusCode::kUnavailable);
  config.listen = "0.0.0.0:0";
  EXPECT_EQ(Start(config).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace hekla::worker
