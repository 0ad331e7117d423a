#include "worker/stream_reactor.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "service/runtime/status.h"
#include "tests/support/engine_fake/service_fixture.h"

namespace hekla::worker {
namespace {

using engine::FakeEngineOptions;
using service::ReasonOf;

constexpr absl::Duration kPatience = absl::Seconds(20);  // a failure, not a pace

TEST(StreamReactorTest, CancelReachesTheEngineBeforeAndAfterTheFirstToken) {
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

TEST(StreamReactorTest, AVanishedClientFreesItsRequest) {
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

TEST(StreamReactorTest, DeadlineEndsTheRequestInTheEngine) {
  FakeEngineOptions options;
  options.gated = true;
  ServiceFixture fixture(options);
  const Outcome outcome = fixture.Generate(TextRequest("abc", 1000), absl::Milliseconds(100));
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(fixture.AwaitIdle());
  EXPECT_GT(fixture.engine().last_request().deadline_us, 0);
}

TEST(StreamReactorTest, SlowReaderFreesTheEngineAndIsTold) {
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

TEST(StreamReactorTest, ReaderThatNeverReadsOnIsCutOff) {
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

}  // namespace
}  // namespace hekla::worker
