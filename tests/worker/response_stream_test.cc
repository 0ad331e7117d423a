#include "worker/response_stream.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <vector>

#include "service/runtime/status.h"
#include "tests/support/engine_fake/service_fixture.h"

namespace hekla::worker {
namespace {

using engine::FakeEngineOptions;
using service::ReasonOf;

constexpr absl::Duration kPatience = absl::Seconds(20);  // a failure, not a pace

TEST(ResponseStreamTest, CancelReachesTheEngineBeforeAndAfterTheFirstToken) {
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

TEST(ResponseStreamTest, AVanishedClientFreesItsRequest) {
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

TEST(ResponseStreamTest, DeadlineEndsTheRequestInTheEngine) {
  FakeEngineOptions options;
  options.gated = true;
  ServiceFixture fixture(options);
  const Outcome outcome = fixture.Generate(TextRequest("abc", 1000), absl::Milliseconds(100));
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(fixture.AwaitIdle());
  EXPECT_GT(fixture.engine().last_request().deadline_us, 0);
}

// More than gRPC buffers between a server and a client that does not read.
v1::GenerateRequest LongRequest() {
  v1::GenerateRequest request = TextRequest("abc", 20000);
  request.mutable_output()->set_logprobs(20);
  request.mutable_sampling()->set_seed(5);
  return request;
}

FakeEngineOptions LongContext() {
  FakeEngineOptions options;
  options.max_context = 1 << 20;
  return options;
}

TEST(ResponseStreamTest, SlowReaderIsParkedAndGetsAllWhenItReadsOn) {
  StreamLimits limits;
  limits.max_tokens = 64;
  ServiceFixture fixture(LongContext(), limits);
  grpc::ClientContext context;
  auto stream = fixture.stub().Generate(&context, LongRequest());
  ASSERT_TRUE(fixture.engine().AwaitParked(1, kPatience));  // without a single read
  // Others are not held up.
  EXPECT_EQ(fixture.Generate(TextRequest("other", 500)).ids().size(), 500u);
  // The connection's buffers may have taken more in between.
  EXPECT_TRUE(fixture.engine().AwaitParked(1, kPatience));
  std::vector<uint32_t> ids;
  v1::GenerateResponse response;
  while (stream->Read(&response)) {
    if (!response.has_delta()) continue;
    ASSERT_EQ(response.delta().token_offset(), ids.size());
    ids.insert(ids.end(), response.delta().token_ids().begin(), response.delta().token_ids().end());
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(fixture.engine().Status().cancelled_total, 0u);
  const Outcome quick = fixture.Generate(LongRequest());
  EXPECT_EQ(quick.ids().size(), 20000u);
  EXPECT_EQ(ids, quick.ids());
}

TEST(ResponseStreamTest, AReaderThatIsStillSlowAfterTheGraceFreesTheEngineAndIsTold) {
  StreamLimits limits;
  limits.max_tokens = 64;
  limits.grace = absl::Milliseconds(20);
  limits.cut_off = absl::Hours(1);
  ServiceFixture fixture(LongContext(), limits);
  grpc::ClientContext context;
  auto stream = fixture.stub().Generate(&context, LongRequest());
  ASSERT_TRUE(fixture.engine().AwaitSubmitted(1, kPatience));
  EXPECT_TRUE(fixture.engine().AwaitIdle(kPatience));
  EXPECT_EQ(fixture.engine().Status().cancelled_total, 1u);
  v1::GenerateResponse response;
  uint32_t tokens = 0;
  while (stream->Read(&response)) tokens += response.delta().token_count();
  EXPECT_LT(tokens, 20000u);
  const absl::Status status = service::FromGrpc(stream->Finish());
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_SLOW_CONSUMER);
  EXPECT_EQ(status.message(), "the client read nothing for 20ms while more than 64 tokens waited to be sent");
  EXPECT_TRUE(fixture.AwaitIdle());
}

TEST(ResponseStreamTest, ReaderThatNeverReadsOnIsCutOff) {
  StreamLimits limits;
  limits.max_tokens = 64;
  limits.grace = limits.cut_off = absl::Milliseconds(20);
  ServiceFixture fixture(LongContext(), limits);
  grpc::ClientContext context;
  auto stream = fixture.stub().Generate(&context, LongRequest());
  ASSERT_TRUE(fixture.engine().AwaitSubmitted(1, kPatience));
  EXPECT_TRUE(fixture.AwaitIdle());
  EXPECT_EQ(fixture.engine().Status().cancelled_total, 1u);
}

}  // namespace
}  // namespace hekla::worker
