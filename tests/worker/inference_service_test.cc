#include "worker/inference_service.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "service/runtime/status.h"
#include "tests/support/engine_fake/service_fixture.h"

namespace hekla::worker {
namespace {

using engine::FakeEngineOptions;
using service::ReasonOf;

constexpr absl::Duration kPatience = absl::Seconds(20);  // a failure, not a pace

TEST(InferenceServiceTest, RefusesABadRequestWithDetails) {
  ServiceFixture fixture;
  v1::GenerateRequest request = TextRequest("abc", 5);
  request.mutable_sampling()->set_top_p(2);
  const Outcome outcome = fixture.Generate(request);
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(outcome.status), v1::ERROR_REASON_INVALID_FIELD);
  EXPECT_EQ(service::BadRequestOf(outcome.status).field_violations(0).field(), "sampling.top_p");
  EXPECT_FALSE(outcome.has_started);
  EXPECT_EQ(fixture.engine().submitted_total(), 0u);
}

TEST(InferenceServiceTest, LogsOneLineForEachRequestWithItsTrace) {
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736", span = "00f067aa0ba902b7";
  ServiceFixture fixture;
  testing::internal::CaptureStderr();
  for (const bool good : {true, false}) {
    grpc::ClientContext context;
    context.AddMetadata("traceparent", absl::StrCat("00-", trace, "-", span, "-01"));
    v1::GenerateRequest request = TextRequest("a secret", 5);
    request.set_request_id(good ? "good" : "bad");
    if (!good) request.mutable_sampling()->set_top_p(2);
    const auto stream = fixture.stub().Generate(&context, request);
    v1::GenerateResponse response;
    while (stream->Read(&response)) continue;
    EXPECT_EQ(stream->Finish().ok(), good);
  }
  EXPECT_TRUE(fixture.AwaitIdle());
  const std::string log = testing::internal::GetCapturedStderr();
  for (const char* part :
       {" request request=good trace=4bf92f3577b34da6a3ce929d0e0e4736 span=",
        " parent_span=00f067aa0ba902b7 code=OK reason=\"\" prompt_tokens=", " output_tokens=5 ",
        " request_refused request=bad trace=4bf92f3577b34da6a3ce929d0e0e4736 span=",
        "code=INVALID_ARGUMENT reason=INVALID_FIELD"}) {
    EXPECT_NE(log.find(part), std::string::npos) << part << " in\n" << log;
  }
  EXPECT_EQ(log.find("a secret"), std::string::npos) << log;
}

TEST(InferenceServiceTest, DrainRefusesNewRequestsAndItsLimitEndsTheRest) {
  FakeEngineOptions options;
  options.gated = true;
  ServiceFixture fixture(options);
  grpc::ClientContext context;
  auto stream = fixture.stub().Generate(&context, TextRequest("abc", 2));
  v1::GenerateResponse response;
  ASSERT_TRUE(stream->Read(&response));
  fixture.service().Drain(std::nullopt);
  const Outcome refused = fixture.Generate(TextRequest("abc", 2));
  EXPECT_EQ(ReasonOf(refused.status), v1::ERROR_REASON_DRAINING);
  EXPECT_TRUE(service::RetryDelayOf(refused.status).has_value());
  fixture.service().Undrain();
  fixture.service().Drain(absl::Milliseconds(1));
  while (stream->Read(&response)) {
  }
  EXPECT_EQ(ReasonOf(service::FromGrpc(stream->Finish())), v1::ERROR_REASON_DRAINING);
  EXPECT_TRUE(fixture.AwaitIdle());
}

TEST(InferenceServiceTest, AbortByIdEndsOneRequestOnly) {
  FakeEngineOptions options;
  options.gated = true;
  ServiceFixture fixture(options);
  grpc::ClientContext contexts[2];
  std::vector<std::unique_ptr<grpc::ClientReader<v1::GenerateResponse>>> streams;
  for (int i = 0; i < 2; ++i) {
    v1::GenerateRequest request = TextRequest("abc", 3);
    request.set_request_id(absl::StrCat("r", i));
    streams.push_back(fixture.stub().Generate(&contexts[i], request));
  }
  ASSERT_TRUE(fixture.engine().AwaitSubmitted(2, kPatience));
  EXPECT_TRUE(fixture.service().inflight().Abort("r0", absl::CancelledError("by an operator")));
  EXPECT_FALSE(fixture.service().inflight().Abort("r9", absl::CancelledError("by an operator")));
  v1::GenerateResponse response;
  while (streams[0]->Read(&response)) {
  }
  EXPECT_EQ(streams[0]->Finish().error_code(), grpc::StatusCode::CANCELLED);
  fixture.engine().Grant(3);
  int tokens = 0;
  while (streams[1]->Read(&response)) tokens += response.delta().token_count();
  EXPECT_TRUE(streams[1]->Finish().ok());
  EXPECT_EQ(tokens, 3);
}

// 32 streams at once, every third cancelled part of the way: the others are what they are alone.
TEST(InferenceServiceTest, ConcurrentStreamsDoNotDisturbEachOther) {
  const uint32_t seed = 4711;
  SCOPED_TRACE(seed);
  FakeEngineOptions options;
  options.max_sequences = 8;
  options.mean_length = 300;
  ServiceFixture fixture(options);
  constexpr int kStreams = 32;
  std::vector<v1::GenerateRequest> requests;
  std::vector<std::string> alone;
  std::mt19937 random(seed);
  for (int i = 0; i < kStreams; ++i) {
    v1::GenerateRequest request = TextRequest(absl::StrCat("prompt ", i), 1 + random() % 600);
    request.mutable_sampling()->set_seed(i);
    requests.push_back(request);
    alone.push_back(fixture.Generate(request).text());
  }
  std::vector<Outcome> outcomes(kStreams);
  std::vector<std::thread> threads;
  for (int i = 0; i < kStreams; ++i) {
    threads.emplace_back([&, i] {
      if (i % 3 != 0) {
        outcomes[i] = fixture.Generate(requests[i]);
        return;
      }
      grpc::ClientContext context;
      auto stream = fixture.stub().Generate(&context, requests[i]);
      v1::GenerateResponse response;
      for (int reads = 0; reads < i && stream->Read(&response); ++reads) {
      }
      context.TryCancel();
      stream->Finish();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < kStreams; ++i) {
    if (i % 3 == 0) continue;
    EXPECT_TRUE(outcomes[i].status.ok()) << outcomes[i].status;
    EXPECT_EQ(outcomes[i].broken_rule, "");
    EXPECT_EQ(outcomes[i].text(), alone[i]) << i;
  }
  EXPECT_TRUE(fixture.AwaitIdle());
  EXPECT_EQ(fixture.engine().Status().kv_blocks_used, 0);
}

TEST(InferenceServiceTest, TextAndModelCalls) {
  ServiceFixture fixture;
  {
    grpc::ClientContext context;
    v1::TokenizeRequest request;
    request.set_text("h\xC3\xA9");
    request.set_with_pieces(true);
    v1::TokenizeResponse response;
    ASSERT_TRUE(fixture.stub().Tokenize(&context, request, &response).ok());
    ASSERT_EQ(response.token_ids_size(), 3);
    EXPECT_EQ(response.pieces(1), "\xC3");
  }
  {
    grpc::ClientContext context;
    v1::DetokenizeRequest request;
    for (uint32_t id : {0x68u, 0xC3u, 256u}) request.add_token_ids(id);
    request.set_special(true);
    v1::DetokenizeResponse response;
    ASSERT_TRUE(fixture.stub().Detokenize(&context, request, &response).ok());
    EXPECT_EQ(response.raw(), "h\xC3<|end|>");
    EXPECT_EQ(response.text(), "h\xEF\xBF\xBD<|end|>");
  }
  {
    grpc::ClientContext context;
    v1::DetokenizeRequest request;
    request.add_token_ids(257);
    v1::DetokenizeResponse response;
    const absl::Status status = service::FromGrpc(fixture.stub().Detokenize(&context, request, &response));
    EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_INVALID_FIELD);
  }
  {
    grpc::ClientContext context;
    v1::ListModelsResponse response;
    ASSERT_TRUE(fixture.stub().ListModels(&context, {}, &response).ok());
    ASSERT_EQ(response.models_size(), 1);
    EXPECT_EQ(response.models(0).vocabulary_size(), 257u);
    EXPECT_EQ(response.models(0).eos_token_ids(0), 256u);
  }
  grpc::ClientContext context;
  v1::GetModelRequest request;
  request.set_model("other");
  v1::Model response;
  const absl::Status status = service::FromGrpc(fixture.stub().GetModel(&context, request, &response));
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_UNKNOWN_MODEL);
}

}  // namespace
}  // namespace hekla::worker
