#include "worker/worker_server.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "service/runtime/secret.h"
#include "service/runtime/status.h"
#include "tests/support/engine_fake/byte_vocabulary.h"
#include "tests/support/engine_fake/service_fixture.h"
#include "tests/support/runtime/test_files.h"

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

TEST_F(WorkerServerTest, NoPortIsOpenBeyondLoopbackUnlessTold) {
  for (const char* address :
       {"0.0.0.0:0", "[::]:0", "[::ffff:0.0.0.0]:0", "worker.example.org:0", "127.example.org:0"}) {
    WorkerConfig grpc, metrics;
    grpc.listen = address;
    metrics.metrics_listen = address;
    for (const WorkerConfig& config : {grpc, metrics}) {
      const absl::Status refused = Start(config).status();
      EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << address << ": " << refused;
      EXPECT_NE(refused.message().find(address), absl::string_view::npos) << refused;
    }
  }
  WorkerConfig told;
  told.listen = told.metrics_listen = "0.0.0.0:0";
  told.insecure = true;
  EXPECT_TRUE(Start(told).ok()) << Start(told).status();
}

TEST_F(WorkerServerTest, TokensAndTheirModelsAreChecked) {
  const std::string token = "token-of-someone-012345";
  const service::TestFolder folder;
  const auto call = [&](const std::string& rest, bool with_token) {
    WorkerConfig config;
    config.token_file =
        folder.Write("tokens", absl::StrCat("sha256:", service::Sha256Hex(token), " tenant=a ", rest));
    auto server = Start(config);
    if (!server.ok()) return server.status();
    auto stub = v1::Inference::NewStub(Dial(**server));
    grpc::ClientContext get, list;
    if (with_token) get.AddMetadata("authorization", "Bearer " + token);
    list.AddMetadata("authorization", "Bearer " + token);
    v1::Model model;
    v1::ListModelsResponse models;
    const absl::Status got = service::FromGrpc(stub->GetModel(&get, {}, &model));
    EXPECT_TRUE(stub->ListModels(&list, {}, &models).ok());
    EXPECT_EQ(models.models_size(), rest == "models=other" ? 0 : 1);
    return got;
  };
  EXPECT_TRUE(call("", true).ok());
  EXPECT_TRUE(call("models=bytes", true).ok());
  EXPECT_TRUE(absl::IsUnauthenticated(call("", false)));
  EXPECT_TRUE(absl::IsPermissionDenied(call("models=other", true)));
  EXPECT_TRUE(absl::IsInvalidArgument(call("max-requests=1", true))) << "a worker keeps no quotas";
}

TEST_F(WorkerServerTest, PromptsBeyondTheLimitAreRefused) {
  WorkerConfig config;
  config.max_prompt_bytes = 10;
  auto server = Start(config);
  ASSERT_TRUE(server.ok()) << server.status();
  auto stub = v1::Inference::NewStub(Dial(**server));
  grpc::ClientContext generate, tokenize, batch, good;
  v1::TokenizeRequest text;
  text.set_text("12345678901");
  v1::TokenizeResponse ids;
  EXPECT_EQ(stub->Tokenize(&tokenize, text, &ids).error_message(), "text: 11 bytes, the limit is 10");
  EXPECT_EQ(stub->Generate(&generate, TextRequest(text.text(), 1))->Finish().error_message(),
            "text: 11 bytes, the limit is 10");
  v1::BatchGenerateRequest items;
  *items.add_items()->mutable_request() = TextRequest(text.text(), 1);
  const auto stream = stub->BatchGenerate(&batch, items);
  v1::BatchGenerateResponse item;
  ASSERT_TRUE(stream->Read(&item));
  EXPECT_EQ(item.item_finished().status().message(), "text: 11 bytes, the limit is 10");
  while (stream->Read(&item)) continue;
  EXPECT_TRUE(stream->Finish().ok());
  text.set_text("1234567890");
  EXPECT_TRUE(stub->Tokenize(&good, text, &ids).ok());
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
