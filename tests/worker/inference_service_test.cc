// The service over a real gRPC server and a FakeEngine: streams, cancels, deadlines, resume, concurrency.
#include "worker/inference_service.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "service/runtime/status.h"
#include "tests/support/engine_fake/byte_vocabulary.h"
#include "tests/support/engine_fake/service_fixture.h"

namespace hekla::worker {
namespace {

using engine::FakeEngine;
using engine::FakeEngineOptions;
using service::ReasonOf;

constexpr absl::Duration kPatience = absl::Seconds(20);  // a failure, not a pace

TEST(InferenceServiceTest, StreamsAWholeTextInOrder) {
  ServiceFixture fixture;
  v1::GenerateRequest request = TextRequest("Once upon a time", 200);
  request.set_request_id("r1");
  request.mutable_sampling()->set_seed(7);
  const Outcome outcome = fixture.Generate(request);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.broken_rule, "");
  EXPECT_EQ(outcome.started.request_id(), "r1");
  EXPECT_EQ(outcome.started.model(), "bytes");
  EXPECT_EQ(outcome.started.weights_hash(), "fake-weights");
  EXPECT_EQ(outcome.started.seed(), 7u);
  EXPECT_EQ(outcome.started.prompt_tokens(), 16u);
  EXPECT_EQ(outcome.started.stop().max_tokens(), 200u);
  EXPECT_EQ(outcome.started.sampling().temperature(), 1);
  EXPECT_EQ(outcome.ids().size(), 200u);
  EXPECT_EQ(outcome.text().size(), 200u);
  EXPECT_EQ(outcome.finished.reason(), v1::FINISH_REASON_MAX_TOKENS);
  EXPECT_EQ(outcome.finished.usage().output_tokens(), 200u);
  EXPECT_EQ(outcome.finished.usage().prompt_tokens(), 16u);
  EXPECT_TRUE(fixture.AwaitIdle());
}

TEST(InferenceServiceTest, SeedsMakeOutputsRepeatableAndAreDrawnWhenUnset) {
  ServiceFixture fixture;
  v1::GenerateRequest request = TextRequest("abc", 64);
  const Outcome first = fixture.Generate(request), second = fixture.Generate(request);
  EXPECT_NE(first.started.seed(), second.started.seed());
  EXPECT_NE(first.text(), second.text());
  EXPECT_NE(first.started.request_id(), second.started.request_id());
  request.mutable_sampling()->set_seed(first.started.seed());
  EXPECT_EQ(fixture.Generate(request).text(), first.text());
}

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

TEST(InferenceServiceTest, OutputOptionsAreObeyed) {
  ServiceFixture fixture;
  v1::GenerateRequest request = TextRequest("abc", 10);
  request.mutable_output()->set_text(false);
  request.mutable_output()->set_logprobs(2);
  Outcome outcome = fixture.Generate(request);
  EXPECT_EQ(outcome.text(), "");
  EXPECT_EQ(outcome.ids().size(), 10u);
  int logprobs = 0;
  for (const v1::Delta& delta : outcome.deltas) {
    logprobs += delta.logprobs_size();
    for (const v1::TokenLogprob& logprob : delta.logprobs()) EXPECT_EQ(logprob.top_size(), 2);
  }
  EXPECT_EQ(logprobs, 10);
  request = TextRequest("abc", 10);
  request.mutable_output()->set_token_ids(false);
  outcome = fixture.Generate(request);
  EXPECT_EQ(outcome.ids().size(), 0u);
  EXPECT_EQ(outcome.text().size(), 10u);
  EXPECT_EQ(outcome.broken_rule, "");
}

TEST(InferenceServiceTest, CoalescingHoldsDeltasBack) {
  ServiceFixture fixture;
  v1::GenerateRequest request = TextRequest("abc", 100);
  request.mutable_output()->set_coalesce_tokens(30);
  const Outcome outcome = fixture.Generate(request);
  EXPECT_EQ(outcome.broken_rule, "");
  EXPECT_EQ(outcome.ids().size(), 100u);
  for (size_t i = 0; i + 1 < outcome.deltas.size(); ++i) EXPECT_GE(outcome.deltas[i].token_count(), 30u);
}

TEST(InferenceServiceTest, CoalesceDelayReleasesATokenThatStaysAlone) {
  FakeEngineOptions options;
  options.gated = true;
  ServiceFixture fixture(options);
  v1::GenerateRequest request = TextRequest("abc", 2);
  request.mutable_output()->mutable_coalesce_delay()->set_nanos(20'000'000);
  grpc::ClientContext context;
  auto stream = fixture.stub().Generate(&context, request);
  fixture.engine().Grant(1);
  v1::GenerateResponse response;
  while (stream->Read(&response) && !response.has_delta()) {
  }
  EXPECT_EQ(response.delta().token_count(), 1u);
  fixture.engine().Grant(1);
  while (stream->Read(&response)) {
  }
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(InferenceServiceTest, EchoSendsThePromptOnce) {
  ServiceFixture fixture;
  v1::GenerateRequest request = TextRequest("h\xC3\xA9!", 3);
  request.mutable_output()->set_echo(true);
  grpc::ClientContext context;
  auto stream = fixture.stub().Generate(&context, request);
  std::vector<int> order;
  v1::GenerateResponse response;
  while (stream->Read(&response)) {
    order.push_back(response.event_case());
    if (!response.has_prompt()) continue;
    EXPECT_EQ(response.prompt().text(), "h\xC3\xA9!");
    EXPECT_EQ(response.prompt().token_ids_size(), 4);
  }
  ASSERT_TRUE(stream->Finish().ok());
  ASSERT_GE(order.size(), 3u);
  EXPECT_EQ(order[0], v1::GenerateResponse::kStarted);
  EXPECT_EQ(order[1], v1::GenerateResponse::kPrompt);
  EXPECT_EQ(order[2], v1::GenerateResponse::kDelta);
}

TEST(InferenceServiceTest, StopStringsAcrossTokensEndTheEngineToo) {
  FakeEngineOptions options;
  options.echo_prompt = true;  // the output is the prompt, a byte a token
  options.gated = true;
  ServiceFixture fixture(options);
  v1::GenerateRequest request = TextRequest("one. two. three. four.", 1000);
  request.mutable_stop()->add_stop_strings("three");
  fixture.engine().Grant(16);  // past the match, not to the end: only a cancel ends the request in the engine
  const Outcome outcome = fixture.Generate(request);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.text(), "one. two. ");
  EXPECT_EQ(outcome.finished.reason(), v1::FINISH_REASON_STOP_STRING);
  EXPECT_EQ(outcome.finished.matched_stop(), "three");
  EXPECT_TRUE(fixture.AwaitIdle());
  EXPECT_EQ(fixture.engine().Status().cancelled_total, 1u);
}

TEST(InferenceServiceTest, CharactersAreNeverSplit) {
  FakeEngineOptions options;
  options.echo_prompt = true;
  ServiceFixture fixture(options);
  const std::string text = "\xE2\x82\xAC\xC3\xA9\xF0\x9F\x98\x80 and a\xCC\x88";
  const Outcome outcome = fixture.Generate(TextRequest(text, 100));
  EXPECT_EQ(outcome.broken_rule, "");
  EXPECT_EQ(outcome.text(), text);
  EXPECT_EQ(outcome.finished.reason(), v1::FINISH_REASON_EOS);
  EXPECT_EQ(outcome.finished.matched_token(), static_cast<uint32_t>(text::kByteEos));
}

TEST(InferenceServiceTest, ResumedStreamGoesOnExactlyWhereItWas) {
  FakeEngineOptions options;
  options.mean_length = 60;
  ServiceFixture fixture(options);
  v1::GenerateRequest request = TextRequest("abc", 120);
  request.mutable_sampling()->set_seed(11);
  request.mutable_stop()->add_stop_strings("qqqq");
  const Outcome whole = fixture.Generate(request);
  ASSERT_TRUE(whole.status.ok()) << whole.status;
  const std::vector<uint32_t> ids = whole.ids();
  for (size_t cut : {size_t{1}, ids.size() / 2, ids.size() - 1, ids.size()}) {
    SCOPED_TRACE(cut);
    v1::GenerateRequest resumed = request;
    for (size_t i = 0; i < cut; ++i) resumed.add_resume_token_ids(ids[i]);
    const Outcome rest = fixture.Generate(resumed);
    ASSERT_TRUE(rest.status.ok()) << rest.status;
    EXPECT_EQ(rest.broken_rule, "");
    EXPECT_EQ(rest.ids(), std::vector<uint32_t>(ids.begin() + cut, ids.end()));
    EXPECT_EQ(rest.finished.reason(), whole.finished.reason());
    EXPECT_EQ(rest.finished.usage().output_tokens(), ids.size());
    EXPECT_EQ(rest.finished.usage().prompt_tokens(), 3u);
  }
}

TEST(InferenceServiceTest, DuplicateIdsAreRefusedWhileInFlightOnly) {
  FakeEngineOptions options;
  options.gated = true;
  ServiceFixture fixture(options);
  v1::GenerateRequest request = TextRequest("abc", 1);
  request.set_request_id("same");
  grpc::ClientContext context;
  auto stream = fixture.stub().Generate(&context, request);
  ASSERT_TRUE(fixture.engine().AwaitSubmitted(1, kPatience));
  const Outcome second = fixture.Generate(request);
  EXPECT_EQ(second.status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReasonOf(second.status), v1::ERROR_REASON_DUPLICATE_REQUEST);
  fixture.engine().Grant(1);
  v1::GenerateResponse response;
  while (stream->Read(&response)) {
  }
  ASSERT_TRUE(stream->Finish().ok());
  fixture.engine().Grant(1);
  EXPECT_TRUE(fixture.Generate(request).status.ok());
}

TEST(InferenceServiceTest, FullQueueIsRefusedWithRetryInfo) {
  FakeEngineOptions options;
  options.gated = true;
  options.max_sequences = 1;
  options.max_waiting = 1;
  ServiceFixture fixture(options);
  grpc::ClientContext contexts[2];
  std::vector<std::unique_ptr<grpc::ClientReader<v1::GenerateResponse>>> streams;
  v1::GenerateResponse response;
  streams.push_back(fixture.stub().Generate(&contexts[0], TextRequest("a", 1)));
  ASSERT_TRUE(streams[0]->Read(&response));  // Started: it runs
  streams.push_back(fixture.stub().Generate(&contexts[1], TextRequest("b", 1)));
  ASSERT_TRUE(fixture.engine().AwaitSubmitted(2, kPatience));
  const Outcome refused = fixture.Generate(TextRequest("c", 1));
  EXPECT_EQ(ReasonOf(refused.status), v1::ERROR_REASON_QUEUE_FULL);
  EXPECT_TRUE(service::RetryDelayOf(refused.status).has_value());
  fixture.engine().Grant(2);
  for (auto& stream : streams) {
    while (stream->Read(&response)) {
    }
    EXPECT_TRUE(stream->Finish().ok());
  }
}

TEST(InferenceServiceTest, QueueTimeoutEndsTheWait) {
  FakeEngineOptions options;
  options.gated = true;
  options.max_sequences = 1;
  ServiceFixture fixture(options);
  grpc::ClientContext context;
  auto running = fixture.stub().Generate(&context, TextRequest("a", 1));
  v1::GenerateResponse response;
  ASSERT_TRUE(running->Read(&response));
  v1::GenerateRequest request = TextRequest("b", 1);
  request.mutable_queue_timeout()->set_nanos(30'000'000);
  const Outcome outcome = fixture.Generate(request);
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(outcome.status), v1::ERROR_REASON_QUEUE_TIMEOUT);
  context.TryCancel();
  EXPECT_TRUE(fixture.AwaitIdle());
}

TEST(InferenceServiceTest, CancelReachesTheEngineBeforeAndAfterTheFirstToken) {
  for (int granted : {0, 5}) {
    SCOPED_TRACE(granted);
    FakeEngineOptions options;
    options.gated = true;
    ServiceFixture fixture(options);
    grpc::ClientContext context;
    auto stream = fixture.stub().Generate(&context, TextRequest("abc", 1000));
    fixture.engine().Grant(granted);
    v1::GenerateResponse response;
    int tokens = 0;
    ASSERT_TRUE(stream->Read(&response));  // Started
    while (tokens < granted && stream->Read(&response)) tokens += response.delta().token_count();
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
    EXPECT_TRUE(fixture.AwaitIdle());
    EXPECT_EQ(fixture.engine().Status().cancelled_total, 1u);
  }
}

TEST(InferenceServiceTest, AVanishedClientFreesItsRequest) {
  FakeEngineOptions options;
  options.gated = true;
  ServiceFixture fixture(options);
  {
    auto stub = fixture.NewStub();
    grpc::ClientContext context;
    auto stream = stub->Generate(&context, TextRequest("abc", 1000));
    v1::GenerateResponse response;
    ASSERT_TRUE(stream->Read(&response));
  }  // the stream and its connection are gone
  EXPECT_TRUE(fixture.AwaitIdle());
  EXPECT_EQ(fixture.engine().Status().cancelled_total, 1u);
}

TEST(InferenceServiceTest, DeadlineEndsTheRequestInTheEngine) {
  FakeEngineOptions options;
  options.gated = true;
  ServiceFixture fixture(options);
  const Outcome outcome = fixture.Generate(TextRequest("abc", 1000), absl::Milliseconds(100));
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(fixture.AwaitIdle());
  EXPECT_GT(fixture.engine().last_request().deadline_us, 0);
}

TEST(InferenceServiceTest, EngineFaultsBecomeErrorsAfterTheGoodTokens) {
  FakeEngineOptions options;
  options.fault.kind = engine::FakeFault::kWrongOffset;
  options.fault.after_tokens = 5;
  {
    ServiceFixture fixture(options);
    const Outcome outcome = fixture.Generate(TextRequest("abc", 20));
    EXPECT_EQ(outcome.status.code(), absl::StatusCode::kInternal);
    EXPECT_EQ(outcome.broken_rule, "");
    EXPECT_EQ(outcome.ids().size(), 5u);
    EXPECT_TRUE(fixture.AwaitIdle());
  }
  options.fault.kind = engine::FakeFault::kDie;
  ServiceFixture fixture(options);
  const Outcome outcome = fixture.Generate(TextRequest("abc", 20));
  EXPECT_EQ(ReasonOf(outcome.status), v1::ERROR_REASON_DEVICE_LOST);
  EXPECT_EQ(outcome.ids().size(), 5u);
}

TEST(InferenceServiceTest, SlowReaderFreesTheEngineAndIsTold) {
  FakeEngineOptions options;
  options.max_context = 1 << 20;
  StreamLimits limits;
  limits.soft_tokens = 64;
  limits.hard_tokens = 1024;
  ServiceFixture fixture(options, limits);
  v1::GenerateRequest request = TextRequest("abc", 1 << 19);
  request.mutable_output()->set_logprobs(20);
  grpc::ClientContext context;
  auto stream = fixture.stub().Generate(&context, request);
  ASSERT_TRUE(fixture.engine().AwaitSubmitted(1, kPatience));
  EXPECT_TRUE(fixture.engine().AwaitIdle(kPatience));  // without a single read
  EXPECT_EQ(fixture.engine().Status().cancelled_total, 1u);
  v1::GenerateResponse response;
  uint32_t tokens = 0;
  while (stream->Read(&response)) tokens += response.delta().token_count();
  EXPECT_LT(tokens, 1u << 19);
  EXPECT_EQ(ReasonOf(service::FromGrpc(stream->Finish())), v1::ERROR_REASON_SLOW_CONSUMER);
  EXPECT_TRUE(fixture.AwaitIdle());
}

TEST(InferenceServiceTest, ReaderThatNeverReadsOnIsCutOff) {
  FakeEngineOptions options;
  options.max_context = 1 << 20;
  StreamLimits limits;
  limits.soft_tokens = 64;
  limits.grace = absl::Milliseconds(20);
  ServiceFixture fixture(options, limits);
  v1::GenerateRequest request = TextRequest("abc", 1 << 19);
  request.mutable_output()->set_logprobs(20);
  grpc::ClientContext context;
  auto stream = fixture.stub().Generate(&context, request);
  ASSERT_TRUE(fixture.engine().AwaitSubmitted(1, kPatience));
  EXPECT_TRUE(fixture.AwaitIdle());
  EXPECT_EQ(fixture.engine().Status().cancelled_total, 1u);
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

TEST(InferenceServiceTest, KeepaliveComesWhileNothingElseDoes) {
  FakeEngineOptions options;
  options.gated = true;
  ServiceFixture fixture(options);
  grpc::ClientContext context;
  auto stream = fixture.stub().Generate(&context, TextRequest("abc", 3));
  v1::GenerateResponse response;
  ASSERT_TRUE(stream->Read(&response));
  ASSERT_TRUE(response.has_started());
  ASSERT_TRUE(stream->Read(&response));
  ASSERT_TRUE(response.has_keepalive()) << response.ShortDebugString();
  EXPECT_EQ(response.keepalive().phase(), v1::Keepalive::PREFILL);
  EXPECT_EQ(response.keepalive().prefill_total(), 3u);
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
