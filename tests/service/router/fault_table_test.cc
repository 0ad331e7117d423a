// The router's behaviour event by event, what requests and clients do: each test is a row, and checks what the
// client sees (code, reason, details) and that no worker's breaker counts it.
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "service/runtime/secret.h"
#include "service/runtime/status.h"
#include "tests/support/runtime/test_files.h"
#include "tests/support/service/fault_table.h"

namespace hekla::service {
namespace {

TEST_F(FaultTable, BadField) {
  Start();
  const auto worker = fixture_->AddWorker("w0");
  v1::GenerateRequest request = RouterFixture::Request(5);
  request.mutable_sampling()->set_top_p(1.5f);
  ExpectRefused(request, absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_INVALID_FIELD);
  EXPECT_EQ(BadRequestOf(last_).field_violations(0).field(), "sampling.top_p");
  request = RouterFixture::Request(5);
  request.mutable_token_ids()->add_ids(1000);
  ExpectRefused(request, absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_INVALID_FIELD);
  request = RouterFixture::Request(5);
  (*request.mutable_sampling()->mutable_logit_bias())[1000] = 1;
  ExpectRefused(request, absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_INVALID_FIELD);
  request = RouterFixture::Request(5);
  for (int i = 0; i < 17; ++i) request.mutable_stop()->add_stop_strings("x");
  ExpectRefused(request, absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_INVALID_FIELD);
  EXPECT_EQ(worker->calls(), 0) << "refused before the queue";
  EXPECT_EQ(BreakerOf("w0"), State::kClosed);
}

TEST_F(FaultTable, BeyondEveryWorker) {
  Start();
  const auto worker = fixture_->AddWorker("w0", UsualScript, {.context = 100});
  v1::GenerateRequest request;
  for (uint32_t i = 0; i < 100; ++i) request.mutable_token_ids()->add_ids(i);
  ExpectRefused(request, absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_PROMPT_TOO_LONG);
  EXPECT_EQ(ErrorInfoOf(last_).metadata().at("limit"), "99");
  request.mutable_token_ids()->mutable_ids()->Truncate(50);
  request.mutable_stop()->set_max_tokens(51);
  ExpectRefused(request, absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_NEVER_FITS);
  EXPECT_EQ(ErrorInfoOf(last_).metadata().at("limit"), "100");
  EXPECT_EQ(worker->calls(), 0);
  EXPECT_EQ(BreakerOf("w0"), State::kClosed);
}

TEST_F(FaultTable, ASmallWorkerDoesNotRefuseWhatALargerOneHolds) {
  Start();
  // A prompt of text: only the worker knows how many tokens it is.
  const auto small = fixture_->AddWorker("small",
                                         [](FakeStream&) {
                                           return ToGrpc(MakeError(absl::StatusCode::kInvalidArgument,
                                                                   v1::ERROR_REASON_NEVER_FITS, "too long"));
                                         },
                                         {.context = 100});
  ExpectRefused(RouterFixture::Request(30), absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_NEVER_FITS);
  const auto large = fixture_->AddWorker("large", UsualScript, {.context = 200});
  for (int i = 0; i < 20; ++i) ExpectWhole(fixture_->Generate(RouterFixture::Request(30)), 30);
  EXPECT_EQ(large->calls(), 20);
  EXPECT_GT(small->calls(), 1) << "some were sent there first";
  EXPECT_EQ(BreakerOf("small"), State::kClosed);
  // Of ids the router knows the number itself.
  const int before = small->calls();
  v1::GenerateRequest request = RouterFixture::Request(30);
  for (uint32_t i = 0; i < 80; ++i) request.mutable_token_ids()->add_ids(i);
  for (int i = 0; i < 20; ++i) ExpectWhole(fixture_->Generate(request), 30);
  EXPECT_EQ(small->calls(), before);
}

TEST_F(FaultTable, UnknownModelAndUnsupportedOption) {
  Start();
  const auto worker = fixture_->AddWorker(
      "w0", [](FakeStream&) { return ToGrpc(UnsupportedField("output.n", "2, only 1 is served")); });
  v1::GenerateRequest request = RouterFixture::Request(5);
  request.set_model("nobody");
  ExpectRefused(request, absl::StatusCode::kNotFound, v1::ERROR_REASON_UNKNOWN_MODEL);
  ExpectRefused(RouterFixture::Request(5), absl::StatusCode::kUnimplemented, v1::ERROR_REASON_UNSUPPORTED_OPTION);
  EXPECT_EQ(ErrorInfoOf(last_).metadata().at("field"), "output.n");
  EXPECT_EQ(worker->calls(), 1) << "not tried again";
  EXPECT_EQ(BreakerOf("w0"), State::kClosed);
}

TEST_F(FaultTable, NoOrWrongCredentialForbiddenModelAndTenantQuota) {
  const TestFolder folder;
  const std::string token = "token-of-somebody-0123456789", operators = "token-of-operators-0123456789";
  RouterConfig config = OneFaultOpens();
  config.token_file = folder.Write(
      "tokens", absl::StrCat("sha256:", Sha256Hex(token), " tenant=a models=fake tokens-per-minute=40\n"));
  config.admin_token_file = folder.Write("admin", absl::StrCat("sha256:", Sha256Hex(operators), " tenant=o\n"));
  Start(config);
  FakeWorkerOptions options;
  options.router_token_path = folder.Write("worker-token", operators);
  const auto worker = fixture_->AddWorker("w0", UsualScript, options);
  const auto refusal = [&](const std::string& authorization, v1::GenerateRequest request) {
    grpc::ClientContext context;
    if (!authorization.empty()) context.AddMetadata("authorization", authorization);
    const auto stream = fixture_->stub().Generate(&context, request);
    v1::GenerateResponse response;
    while (stream->Read(&response)) continue;
    return FromGrpc(stream->Finish());
  };
  for (const std::string& wrong : {std::string(), "Bearer " + token + "x", token, std::string("Bearer ")}) {
    const absl::Status status = refusal(wrong, RouterFixture::Request(5));
    EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
    EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_NO_CREDENTIAL);
  }
  v1::GenerateRequest other = RouterFixture::Request(5);
  other.set_model("another");
  const absl::Status forbidden = refusal("Bearer " + token, other);
  EXPECT_TRUE(absl::IsPermissionDenied(forbidden)) << forbidden;
  EXPECT_EQ(ReasonOf(forbidden), v1::ERROR_REASON_FORBIDDEN);
  EXPECT_EQ(worker->calls(), 0);

  EXPECT_TRUE(refusal("Bearer " + token, RouterFixture::Request(60)).ok()) << "a quota is a debt, not an estimate";
  const absl::Status quota = refusal("Bearer " + token, RouterFixture::Request(5));
  EXPECT_TRUE(absl::IsResourceExhausted(quota)) << quota;
  EXPECT_EQ(ReasonOf(quota), v1::ERROR_REASON_QUOTA_EXCEEDED);
  EXPECT_TRUE(RetryDelayOf(quota).has_value());
  EXPECT_EQ(worker->calls(), 1);
  EXPECT_EQ(BreakerOf("w0"), State::kClosed);
}

TEST_F(FaultTable, QueueFullAndQueueTimeout) {
  RouterConfig config = OneFaultOpens();
  config.max_queued_requests = 1;
  Start(config);
  const auto worker = fixture_->AddWorker("w0", SilentScript, {.sequences = 1});  // and one kept ready
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::GenerateResponse>>> holders;
  v1::GenerateResponse response;
  for (int i = 0; i < 2; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    holders.push_back(fixture_->stub().Generate(contexts.back().get(), RouterFixture::Request(5)));
    ASSERT_TRUE(holders.back()->Read(&response));
  }
  v1::GenerateRequest request = RouterFixture::Request(5);
  request.mutable_queue_timeout()->set_nanos(400'000'000);
  GeneratedStream waiting;
  std::thread third([&] { waiting = fixture_->Generate(request); });
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_queued_requests 1"));
  ExpectRefused(RouterFixture::Request(5), absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_QUEUE_FULL);
  EXPECT_TRUE(RetryDelayOf(last_).has_value());
  EXPECT_NE(last_.message().find("the limit is 1"), absl::string_view::npos) << last_;
  third.join();
  EXPECT_TRUE(absl::IsResourceExhausted(waiting.status));
  EXPECT_EQ(ReasonOf(waiting.status), v1::ERROR_REASON_QUEUE_TIMEOUT) << waiting.status;
  EXPECT_TRUE(RetryDelayOf(waiting.status).has_value());
  EXPECT_EQ(BreakerOf("w0"), State::kClosed);
  for (int i = 0; i < 2; ++i) {
    contexts[i]->TryCancel();
    holders[i]->Finish();
  }
}

TEST_F(FaultTable, DeadlineBeforeTheEstimatedStart) {
  Start();
  const auto worker = fixture_->AddWorker("w0", UsualScript, {.sequences = 1});
  ExpectWhole(fixture_->Generate(RouterFixture::Request(1000)), 1000);  // what a usual output is
  v1::Load load;
  load.set_step_seconds(1);
  load.set_prefill_tokens_per_second(1000);
  load.set_running(1);
  worker->Report(load);
  EXPECT_TRUE(Eventually([&] {
    const auto found = fixture_->router().registry().Find("w0");
    return (*found)->AsCandidate().step_seconds == 1;
  }));
  const GeneratedStream stream = fixture_->Generate(RouterFixture::Request(5), absl::Seconds(100));
  EXPECT_TRUE(absl::IsDeadlineExceeded(stream.status)) << stream.status;
  EXPECT_EQ(ReasonOf(stream.status), v1::ERROR_REASON_DEADLINE);
  EXPECT_NE(stream.status.message().find("could start in about"), absl::string_view::npos)
      << "by the router, at once: " << stream.status;
  EXPECT_EQ(worker->calls(), 1) << "only the first one";
  EXPECT_EQ(BreakerOf("w0"), State::kClosed);
}

TEST_F(FaultTable, DeadlineWhileRunning) {
  Start();
  const auto worker = fixture_->AddWorker("w0", HangAfter(3));
  const GeneratedStream stream = fixture_->Generate(RouterFixture::Request(5), absl::Milliseconds(300));
  EXPECT_TRUE(absl::IsDeadlineExceeded(stream.status));
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.cancelled() == 1; }));
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_worker_inflight{worker=\"w0\"} 0"));
  EXPECT_EQ(BreakerOf("w0"), State::kClosed);
}

TEST_F(FaultTable, ClientCancels) {
  Start();
  const auto worker = fixture_->AddWorker("w0", HangAfter(3));
  grpc::ClientContext context;
  const auto stream = fixture_->stub().Generate(&context, RouterFixture::Request(5));
  v1::GenerateResponse response;
  while (!response.has_delta()) ASSERT_TRUE(stream->Read(&response));
  context.TryCancel();
  stream->Finish();
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.cancelled() == 1 && each.running() == 0; }));
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_worker_inflight{worker=\"w0\"} 0"));
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_client_cancel_total{phase=\"decode\"} 1"));
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_cancel_to_free_seconds_count 1"));
  EXPECT_EQ(BreakerOf("w0"), State::kClosed);
}

TEST_F(FaultTable, NoWorker) {
  RouterConfig config = OneFaultOpens();
  config.worker_wait = absl::Milliseconds(100);
  Start(config);
  ExpectRefused(RouterFixture::Request(5), absl::StatusCode::kUnavailable, v1::ERROR_REASON_NO_WORKER);
  EXPECT_TRUE(RetryDelayOf(last_).has_value());
}

TEST_F(FaultTable, WorkerSaysFull) {
  Start();
  const GeneratedStream stream = BeginAtBad(
      [](FakeStream&) {
        return ToGrpc(MakeError(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_QUEUE_FULL, "full"));
      },
      [] {});
  ExpectWhole(stream, 30);
  EXPECT_EQ(stream.finished.usage().resumed_times(), 0u);
  EXPECT_EQ(BreakerOf("bad"), State::kClosed);
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_retries_total{cause=\"full\",result=\"ok\"} 1"));
}

}  // namespace
}  // namespace hekla::service
