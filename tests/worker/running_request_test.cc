#include "worker/running_request.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "service/runtime/status.h"
#include "tests/support/engine_fake/service_fixture.h"

namespace hekla::worker {
namespace {

using engine::FakeEngineOptions;
using service::ReasonOf;

constexpr absl::Duration kPatience = absl::Seconds(20);  // a failure, not a pace

TEST(RunningRequestTest, SeedsMakeOutputsRepeatableAndAreDrawnWhenUnset) {
  ServiceFixture fixture;
  v1::GenerateRequest request = TextRequest("abc", 64);
  const Outcome first = fixture.Generate(request), second = fixture.Generate(request);
  EXPECT_NE(first.started.seed(), second.started.seed());
  EXPECT_NE(first.text(), second.text());
  EXPECT_NE(first.started.request_id(), second.started.request_id());
  request.mutable_sampling()->set_seed(first.started.seed());
  EXPECT_EQ(fixture.Generate(request).text(), first.text());
}

TEST(RunningRequestTest, DuplicateIdsAreRefusedWhileInFlightOnly) {
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

TEST(RunningRequestTest, FullQueueIsRefusedWithRetryInfo) {
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

TEST(RunningRequestTest, QueueTimeoutEndsTheWait) {
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

TEST(RunningRequestTest, EngineFaultsBecomeErrorsAfterTheGoodTokens) {
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

}  // namespace
}  // namespace hekla::worker
