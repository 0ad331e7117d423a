// What each caller may do, over real sockets: tokens, models, quotas, prompt bytes, traces, the log.
#include "service/router/inference_front.h"

#include <gmock/gmock.h>
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "service/runtime/secret.h"
#include "service/runtime/status.h"
#include "tests/support/runtime/test_files.h"
#include "tests/support/service/fake_worker.h"
#include "tests/support/service/router_fixture.h"

namespace hekla::service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736", kSpan = "00f067aa0ba902b7";

// One token a tenant; the token is "token-of-TENANT-012345".
std::string TokenOf(const std::string& tenant) { return absl::StrCat("token-of-", tenant, "-012345"); }
std::string LineOf(const std::string& tenant, const std::string& rest = "") {
  return absl::StrCat("sha256:", Sha256Hex(TokenOf(tenant)), " tenant=", tenant, " ", rest, "\n");
}

class InferenceFrontTest : public testing::Test {
 protected:
  void Start(const std::string& tokens, RouterConfig config = {}) {
    config.token_file = folder_.Write("tokens", tokens);
    config.admin_token_file = folder_.Write("admin", LineOf("operators"));
    fixture_.emplace(config);
  }

  std::unique_ptr<FakeWorker> AddWorker(const std::string& id, FakeWorkerOptions options = {},
                                        FakeScript script = UsualScript) {
    options.router_token_path = folder_.Write("worker-token", TokenOf("operators"));
    return fixture_->AddWorker(id, std::move(script), options);
  }

  static std::unique_ptr<grpc::ClientContext> As(const std::string& tenant) {
    auto context = std::make_unique<grpc::ClientContext>();
    context->AddMetadata("authorization", "Bearer " + TokenOf(tenant));
    return context;
  }

  absl::Status Generate(grpc::ClientContext& context, const v1::GenerateRequest& request) {
    const auto stream = fixture_->stub().Generate(&context, request);
    v1::GenerateResponse response;
    while (stream->Read(&response)) continue;
    return FromGrpc(stream->Finish());
  }
  absl::Status Generate(const std::string& tenant, const v1::GenerateRequest& request) {
    return Generate(*As(tenant), request);
  }
  static v1::GenerateRequest For(const std::string& model, uint32_t tokens = 3) {
    v1::GenerateRequest request = RouterFixture::Request(tokens);
    request.set_model(model);
    return request;
  }

  const TestFolder folder_;
  std::optional<RouterFixture> fixture_;
};

// A stream that has begun and goes on until it is cancelled.
class OpenStream {
 public:
  OpenStream(RouterFixture& fixture, std::unique_ptr<grpc::ClientContext> context,
             const v1::GenerateRequest& request)
      : context_(std::move(context)), stream_(fixture.stub().Generate(context_.get(), request)) {
    v1::GenerateResponse response;
    began_ = stream_->Read(&response);
  }
  ~OpenStream() {
    context_->TryCancel();
    stream_->Finish();
  }
  bool began() const { return began_; }

 private:
  const std::unique_ptr<grpc::ClientContext> context_;
  const std::unique_ptr<grpc::ClientReader<v1::GenerateResponse>> stream_;
  bool began_ = false;
};

grpc::Status UntilCancelled(FakeStream& stream) {
  stream.Start();
  Eventually([&] { return stream.cancelled(); });
  return grpc::Status::CANCELLED;
}

TEST_F(InferenceFrontTest, NobodyWithoutATokenMayDoAnything) {
  Start(LineOf("a"));
  const auto worker = AddWorker("w0");
  v1::Inference::Stub& stub = fixture_->stub();
  std::vector<grpc::Status> answers;
  {
    grpc::ClientContext context;
    v1::TokenizeResponse response;
    answers.push_back(stub.Tokenize(&context, v1::TokenizeRequest(), &response));
  }
  {
    grpc::ClientContext context;
    v1::DetokenizeResponse response;
    answers.push_back(stub.Detokenize(&context, v1::DetokenizeRequest(), &response));
  }
  {
    grpc::ClientContext context;
    v1::ListModelsResponse response;
    answers.push_back(stub.ListModels(&context, v1::ListModelsRequest(), &response));
    EXPECT_EQ(response.models_size(), 0);
  }
  {
    grpc::ClientContext context;
    v1::Model response;
    answers.push_back(stub.GetModel(&context, v1::GetModelRequest(), &response));
  }
  {
    grpc::ClientContext context;
    answers.push_back(stub.BatchGenerate(&context, v1::BatchGenerateRequest())->Finish());
  }
  answers.push_back(ToGrpc(Generate("stranger", For("fake"))));
  answers.push_back(ToGrpc(Generate("operators", For("fake"))));
  for (size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i].error_code(), grpc::StatusCode::UNAUTHENTICATED) << i;
    EXPECT_EQ(ReasonOf(FromGrpc(answers[i])), v1::ERROR_REASON_NO_CREDENTIAL) << i;
  }
  EXPECT_EQ(worker->calls(), 0);
  EXPECT_TRUE(Generate("a", For("fake")).ok());
}

TEST_F(InferenceFrontTest, AClientsTokenDoesNotOpenTheAdminPort) {
  Start(LineOf("a"));
  v1::ListWorkersResponse response;
  EXPECT_EQ(fixture_->admin().ListWorkers(As("a").get(), {}, &response).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_TRUE(fixture_->admin().ListWorkers(As("operators").get(), {}, &response).ok());
}

TEST_F(InferenceFrontTest, EachTokenHasItsModels) {
  Start(LineOf("all") + LineOf("one", "models=small") + LineOf("two", "models=small,gone"));
  const auto big = AddWorker("w0", {.model = "big"}), small = AddWorker("w1", {.model = "small"});
  const auto list = [&](const std::string& tenant) {
    v1::ListModelsResponse response;
    EXPECT_TRUE(fixture_->stub().ListModels(As(tenant).get(), {}, &response).ok());
    std::vector<std::string> names;
    for (const v1::Model& model : response.models()) names.push_back(model.name());
    return names;
  };
  EXPECT_THAT(list("all"), ElementsAre("big", "small"));
  EXPECT_THAT(list("one"), ElementsAre("small"));

  EXPECT_TRUE(Generate("all", For("big")).ok());
  EXPECT_TRUE(Generate("one", For("small")).ok());
  EXPECT_TRUE(Generate("one", For("")).ok()) << "the only one it may use";
  EXPECT_EQ(big->calls(), 1);
  for (const char* forbidden : {"big", "nowhere"}) {
    const absl::Status status = Generate("one", For(forbidden));
    EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
    EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_FORBIDDEN);
  }
  EXPECT_EQ(big->calls(), 1);
  const absl::Status unclear = Generate("two", For("")), unknown = Generate("two", For("gone"));
  EXPECT_TRUE(absl::IsInvalidArgument(unclear)) << unclear;
  EXPECT_THAT(unclear.message(), HasSubstr("small, gone"));
  EXPECT_TRUE(absl::IsNotFound(unknown)) << unknown;
  EXPECT_THAT(unknown.message(), Not(HasSubstr("big")));
}

TEST_F(InferenceFrontTest, ForbiddenModelsAreForbiddenToEveryMethod) {
  Start(LineOf("one", "models=small"));
  const auto big = AddWorker("w0", {.model = "big"}), small = AddWorker("w1", {.model = "small"});
  v1::TokenizeRequest tokenize;
  v1::DetokenizeRequest detokenize;
  v1::GetModelRequest get;
  for (const bool allowed : {true, false}) {
    const std::string name = allowed ? "small" : "big";
    tokenize.set_model(name);
    detokenize.set_model(name);
    get.set_model(name);
    v1::TokenizeResponse ids;
    v1::DetokenizeResponse text;
    v1::Model model;
    const auto expected = allowed ? grpc::StatusCode::OK : grpc::StatusCode::PERMISSION_DENIED;
    EXPECT_EQ(fixture_->stub().Tokenize(As("one").get(), tokenize, &ids).error_code(), expected);
    EXPECT_EQ(fixture_->stub().Detokenize(As("one").get(), detokenize, &text).error_code(), expected);
    EXPECT_EQ(fixture_->stub().GetModel(As("one").get(), get, &model).error_code(), expected);
  }
  v1::BatchGenerateRequest batch;
  *batch.add_items()->mutable_request() = For("small");
  *batch.add_items()->mutable_request() = For("big");
  const auto context = As("one");
  const auto stream = fixture_->stub().BatchGenerate(context.get(), batch);
  v1::BatchGenerateResponse response;
  int denied = 0, succeeded = 0;
  while (stream->Read(&response)) {
    if (!response.has_item_finished()) continue;
    denied +=
        response.item_finished().status().code() == static_cast<int>(absl::StatusCode::kPermissionDenied);
    succeeded += response.item_finished().status().code() == 0;
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(denied, 1);
  EXPECT_EQ(succeeded, 1);
}

TEST_F(InferenceFrontTest, RequestsInFlightHaveAQuota) {
  Start(LineOf("a", "max-requests=2") + LineOf("b"));
  const auto worker = AddWorker("w0", {}, UntilCancelled);
  {
    const OpenStream first(*fixture_, As("a"), For("fake"));
    const OpenStream second(*fixture_, As("a"), For("fake"));
    ASSERT_TRUE(first.began() && second.began());
    const absl::Status refused = Generate("a", For("fake"));
    EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
    EXPECT_EQ(ReasonOf(refused), v1::ERROR_REASON_QUOTA_EXCEEDED);
    EXPECT_TRUE(RetryDelayOf(refused).has_value());
    EXPECT_TRUE(refused.GetPayload("type.googleapis.com/google.rpc.QuotaFailure").has_value());
    EXPECT_TRUE(OpenStream(*fixture_, As("b"), For("fake")).began()) << "another tenant goes on";
  }
  EXPECT_TRUE(Eventually([&] { return OpenStream(*fixture_, As("a"), For("fake")).began(); }))
      << "places are free";
}

TEST_F(InferenceFrontTest, TokensAMinuteHaveAQuota) {
  Start(LineOf("a", "tokens-per-minute=50") + LineOf("b"));
  const auto worker = AddWorker("w0");
  EXPECT_TRUE(Generate("a", For("fake", 500)).ok()) << "what a request will write is not known before";
  const absl::Status refused = Generate("a", For("fake"));
  EXPECT_EQ(ReasonOf(refused), v1::ERROR_REASON_QUOTA_EXCEEDED) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("tokens-per-minute is 50"));
  EXPECT_GT(*RetryDelayOf(refused), absl::Minutes(8)) << "450 too much at 50 a minute";
  EXPECT_TRUE(Generate("b", For("fake")).ok());
}

TEST_F(InferenceFrontTest, ABatchKeepsWithinTheQuota) {
  Start(LineOf("a", "max-requests=2"));
  const auto worker = AddWorker("w0");
  v1::BatchGenerateRequest batch;
  for (int i = 0; i < 20; ++i) *batch.add_items()->mutable_request() = For("fake");
  const auto context = As("a");
  const auto stream = fixture_->stub().BatchGenerate(context.get(), batch);
  v1::BatchGenerateResponse response, last;
  testing::internal::CaptureStderr();
  while (stream->Read(&response)) last = response;
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, Not(HasSubstr("QUOTA_EXCEEDED"))) << "items that had to wait are no news";
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(last.summary().succeeded(), 20u);
  EXPECT_EQ(worker->calls(), 20);
}

TEST_F(InferenceFrontTest, ChangedTokensCountAtOnce) {
  Start(LineOf("a"));
  const auto worker = AddWorker("w0");
  EXPECT_TRUE(Generate("a", For("fake")).ok());
  EXPECT_TRUE(absl::IsUnauthenticated(Generate("b", For("fake"))));
  folder_.Write("tokens", LineOf("b"));
  EXPECT_TRUE(absl::IsUnauthenticated(Generate("a", For("fake"))));
  EXPECT_TRUE(Generate("b", For("fake")).ok());
}

TEST_F(InferenceFrontTest, PromptsBeyondTheLimitAreRefused) {
  RouterConfig config;
  config.max_prompt_bytes = 100;
  Start(LineOf("a"), config);
  const auto worker = AddWorker("w0");
  v1::GenerateRequest text = For("fake"), chat = For("fake"), good = For("fake");
  text.set_text(std::string(101, 'x'));
  for (int i = 0; i < 2; ++i) chat.mutable_chat()->add_messages()->set_content(std::string(51, 'x'));
  good.set_text(std::string(100, 'x'));
  EXPECT_THAT(Generate("a", text).message(), HasSubstr("text: 101 bytes, the limit is 100"));
  EXPECT_THAT(Generate("a", chat).message(), HasSubstr("chat.messages: 102 bytes, the limit is 100"));
  v1::TokenizeRequest tokenize;
  tokenize.set_text(text.text());
  v1::TokenizeResponse ids;
  EXPECT_THAT(FromGrpc(fixture_->stub().Tokenize(As("a").get(), tokenize, &ids)).message(),
              HasSubstr("text: 101 bytes"));
  EXPECT_TRUE(Generate("a", good).ok());
  EXPECT_EQ(worker->calls(), 1);
}

TEST_F(InferenceFrontTest, TracesGoOnToTheWorkerWithASpanOfTheRouters) {
  Start(LineOf("a"));
  absl::Mutex mutex;
  std::string sent_traceparent, sent_tracestate;
  const auto worker = AddWorker("w0", {}, [&](FakeStream& stream) {
    absl::MutexLock lock(&mutex);
    sent_traceparent = stream.call().metadata("traceparent");
    sent_tracestate = stream.call().metadata("tracestate");
    return UsualScript(stream);
  });
  const auto context = As("a"), bad_context = As("a");
  context->AddMetadata("traceparent", absl::StrCat("00-", kTrace, "-", kSpan, "-01"));
  context->AddMetadata("tracestate", "vendor=x");
  EXPECT_TRUE(Generate(*context, For("fake")).ok());
  const std::vector<std::string> parts = [&] {
    absl::MutexLock lock(&mutex);
    EXPECT_EQ(sent_tracestate, "vendor=x");
    return std::vector<std::string>(absl::StrSplit(sent_traceparent, '-'));
  }();
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_EQ(parts[1], kTrace);
  EXPECT_NE(parts[2], kSpan);
  EXPECT_EQ(parts[3], "01");

  bad_context->AddMetadata("traceparent", absl::StrCat("00-", kTrace, "-", kSpan, "-zz"));
  EXPECT_TRUE(Generate(*bad_context, For("fake")).ok());
  absl::MutexLock lock(&mutex);
  const std::vector<std::string> new_parts = absl::StrSplit(sent_traceparent, '-');
  ASSERT_EQ(new_parts.size(), 4u) << sent_traceparent;
  EXPECT_NE(new_parts[1], kTrace) << "a malformed one is ignored";
  EXPECT_EQ(new_parts[1].size(), 32u);
}

TEST_F(InferenceFrontTest, OneLineIsLoggedForEachRequest) {
  Start(LineOf("a"));
  const auto worker = AddWorker("w0");
  v1::GenerateRequest request = For("fake", 5);
  request.set_request_id("request-1");
  request.set_text("the quick brown fox");
  const auto context = As("a");
  context->AddMetadata("traceparent", absl::StrCat("00-", kTrace, "-", kSpan, "-01"));
  testing::internal::CaptureStderr();
  EXPECT_TRUE(Generate(*context, request).ok());
  request.mutable_sampling()->set_temperature(-1);
  EXPECT_TRUE(absl::IsInvalidArgument(Generate("a", request)));
  const std::string log = testing::internal::GetCapturedStderr();
  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(log, '\n')) {
    if (line.find(" request request=request-1 ") != line.npos) lines.emplace_back(line);
  }
  ASSERT_EQ(lines.size(), 2u) << log;
  for (const std::string& part : {absl::StrCat("trace=", kTrace), absl::StrCat("parent_span=", kSpan),
                                  std::string("tenant=a method=Generate"),
                                  std::string("model=fake code=OK reason=max_tokens worker=w0 faults=0"),
                                  std::string("output_tokens=5"), std::string("queue_s="),
                                  std::string("first_token_s="), std::string("total_s=")}) {
    EXPECT_THAT(lines[0], HasSubstr(part));
  }
  EXPECT_THAT(lines[1], HasSubstr("code=INVALID_ARGUMENT reason=INVALID_FIELD worker=\"\""));
  EXPECT_THAT(log, Not(HasSubstr("quick brown")));
  EXPECT_THAT(log, Not(HasSubstr(FakeText(1, 0, 5)))) << "the output";
  EXPECT_THAT(log, Not(HasSubstr(TokenOf("a"))));
}

}  // namespace
}  // namespace hekla::service
