// What other servers got wrong in the field, each a test named after the report.
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "service/runtime/metrics.h"
#include "service/runtime/status.h"
#include "tests/support/service/fault_table.h"

namespace hekla::service {
namespace {

using FieldRegressions = FaultTable;

TEST_F(FieldRegressions, ACancelReachesTheWorker_llamacpp24496_vllm54947) {
  Start();
  const auto worker = fixture_->AddWorker("w0", HangAfter(3));
  grpc::ClientContext context;
  const auto stream = fixture_->stub().Generate(&context, RouterFixture::Request(5));
  v1::GenerateResponse response;
  ASSERT_TRUE(stream->Read(&response));
  context.TryCancel();
  stream->Finish();
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.cancelled() == 1 && each.running() == 0; }));
}

TEST_F(FieldRegressions, ACancelDoesNotKillItsNeighbour_ikllamacpp1929) {
  Start();
  absl::Notification go_on;
  const auto worker = fixture_->AddWorker("w0", [&](FakeStream& stream) {
    stream.Start();
    stream.Tokens(3);
    if (stream.request().sampling().seed() == 1) {
      Eventually([&] { return stream.cancelled(); });
      return grpc::Status::CANCELLED;
    }
    go_on.WaitForNotification();
    stream.Tokens(stream.max_tokens() - stream.next());
    stream.Finish();
    return grpc::Status::OK;
  });
  grpc::ClientContext context;
  const auto victim = fixture_->stub().Generate(&context, RouterFixture::Request(50, 1));
  v1::GenerateResponse response;
  ASSERT_TRUE(victim->Read(&response));
  GeneratedStream neighbour;
  std::thread client([&] { neighbour = fixture_->Generate(RouterFixture::Request(50, 2)); });
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.running() == 2; }));
  context.TryCancel();
  victim->Finish();
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.cancelled() == 1; }));
  go_on.Notify();
  client.join();
  ExpectWhole(neighbour, 50, 2);
}

TEST_F(FieldRegressions, ACancelStormLeavesNothingBehind_triton7368_vllm29928_vllmrouter215) {
  Start();
  const auto worker = fixture_->AddWorker("w0", HangAfter(1), {.sequences = 16});
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::GenerateResponse>>> streams;
  constexpr int kStreams = 200;  // twenty run, the rest is queued
  for (int i = 0; i < kStreams; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    streams.push_back(fixture_->stub().Generate(contexts.back().get(), RouterFixture::Request(9, 100 + i)));
  }
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_queued_requests 180"));
  for (const auto& context : contexts) context->TryCancel();
  for (const auto& stream : streams) stream->Finish();
  for (const char* line :
       {"hekla_router_queued_requests 0", "hekla_router_queued_tokens 0", "hekla_router_inflight{phase=\"queued\"} 0",
        "hekla_router_inflight{phase=\"prefill\"} 0", "hekla_router_inflight{phase=\"decode\"} 0",
        "hekla_router_worker_inflight{worker=\"w0\"} 0", "hekla_router_oldest_inflight_seconds{phase=\"queued\"} 0"}) {
    EXPECT_TRUE(fixture_->AwaitMetric(line)) << line;
  }
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.running() == 0; }));
  EXPECT_EQ(BreakerOf("w0"), State::kClosed);
  const auto good = fixture_->AddWorker("good");
  worker->Kill();
  ExpectWhole(fixture_->Generate(RouterFixture::Request(9)), 9);
}

TEST_F(FieldRegressions, CountersDoNotLeakOverFailures_vllmrouter215) {
  RouterConfig config;
  config.breaker.faults = 1000;
  Start(config);
  std::atomic<int> calls = 0;
  const auto script = [&](FakeStream& stream) -> grpc::Status {
    switch (calls++ % 5) {
      case 0:
        return BreakAfter(0)(stream);
      case 1:
        return BreakAfter(4, grpc::StatusCode::INTERNAL)(stream);
      case 2:
        return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no");
      default:
        return UsualScript(stream);
    }
  };
  const auto a = fixture_->AddWorker("a", script), b = fixture_->AddWorker("b", script);
  for (int i = 0; i < 100; ++i) fixture_->Generate(RouterFixture::Request(9));
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_worker_inflight{worker=\"a\"} 0"));
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_worker_inflight{worker=\"b\"} 0"));
  for (const char* id : {"a", "b"}) {
    EXPECT_EQ((*fixture_->router().registry().Find(id))->AsCandidate().queued_tokens, 0) << id;
  }
}

TEST_F(FieldRegressions, WhatFitsNowhereNowHoldsUpNobody_vllm39734) {
  Start();
  const auto large = fixture_->AddWorker("large", UsualScript, {.context = 1000});
  const auto small = fixture_->AddWorker("small", UsualScript, {.context = 100});
  v1::DrainRequest drain;
  drain.set_worker_id("large");
  v1::DrainResponse drained;
  grpc::ClientContext context;
  ASSERT_TRUE(fixture_->admin().Drain(&context, drain, &drained).ok());
  v1::GenerateRequest request = RouterFixture::Request(500);
  request.mutable_token_ids()->add_ids(1);
  GeneratedStream waiting;
  std::thread client([&] { waiting = fixture_->Generate(request); });
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_queued_requests 1"));
  for (int i = 0; i < 5; ++i) ExpectWhole(fixture_->Generate(RouterFixture::Request(9)), 9);
  client.join();
  EXPECT_EQ(ReasonOf(waiting.status), v1::ERROR_REASON_NO_WORKER) << waiting.status;
  EXPECT_EQ(small->calls(), 5);
}

TEST_F(FieldRegressions, HealthIsNotGreenWhileNothingMoves_vllm45414_sglang33858) {
  RouterConfig config = OneFaultOpens();
  config.stall_limit = absl::Milliseconds(300);
  config.worker_wait = absl::Milliseconds(100);
  Start(config);
  const auto worker = fixture_->AddWorker("w0", HangAfter(1));
  v1::Load load;
  load.set_running(1);  // stays though this router's request is taken away
  worker->Report(load);
  GeneratedStream stream;
  std::thread client([&] { stream = fixture_->Generate(RouterFixture::Request(9)); });
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.running() == 1; }));
  worker->Stall(true);
  client.join();
  EXPECT_EQ(ReasonOf(stream.status), v1::ERROR_REASON_WORKER_LOST) << stream.status;
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_workers{state=\"stalled\"} 1"));
  EXPECT_TRUE(Eventually([&] { return !fixture_->IsServing("model/fake"); }));
  EXPECT_FALSE(fixture_->IsServing(""));
  worker->Stall(false);
  EXPECT_TRUE(Eventually([&] { return fixture_->IsServing("model/fake"); })) << "it moves again";
}

TEST_F(FieldRegressions, HealthIsNotRedOnALongPrefill_sglang22511) {
  RouterConfig config = OneFaultOpens();
  config.stall_limit = absl::Milliseconds(300);
  Start(config);
  absl::Notification go_on;
  const auto worker = fixture_->AddWorker("w0", [&](FakeStream& stream) {
    go_on.WaitForNotification();
    return UsualScript(stream);
  });
  GeneratedStream stream;
  std::thread client([&] { stream = fixture_->Generate(RouterFixture::Request(5)); });
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.running() == 1; }));
  int looks = 0;
  EXPECT_TRUE(Eventually([&] {
    EXPECT_TRUE(fixture_->IsServing("model/fake"));
    const auto state = (*fixture_->router().registry().Find("w0"))->State();
    EXPECT_EQ(state.state(), v1::WorkerState::READY);
    return ++looks > 20 && state.load().steps_total() > 20;  // 20 reports are more than three limits
  }));
  go_on.Notify();
  client.join();
  ExpectWhole(stream, 5);
}

TEST_F(FieldRegressions, ClientErrorsDoNotTripTheBreaker_sglang25811_smg639) {
  Start();
  const auto worker = fixture_->AddWorker("w0", [](FakeStream& stream) {
    switch (stream.request().sampling().seed() % 5) {
      case 0:
        return ToGrpc(InvalidField("text", "bad"));
      case 1:
        return grpc::Status(grpc::StatusCode::NOT_FOUND, "no");
      case 2:
        return grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "no");
      case 3:
        return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "no");
      default:
        return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "no");
    }
  });
  for (uint64_t i = 0; i < 50; ++i) EXPECT_FALSE(fixture_->Generate(RouterFixture::Request(5, i)).status.ok());
  EXPECT_EQ(worker->calls(), 50) << "each once: none is tried again, none is refused";
  EXPECT_EQ(BreakerOf("w0"), State::kClosed);
}

TEST_F(FieldRegressions, ABadLogitBiasReachesNoEngine_vllm16529) {
  Start();
  const auto worker = fixture_->AddWorker("w0");
  v1::GenerateRequest request = RouterFixture::Request(5);
  (*request.mutable_sampling()->mutable_logit_bias())[4'000'000'000] = 1;
  ExpectRefused(request, absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_INVALID_FIELD);
  EXPECT_EQ(BadRequestOf(last_).field_violations(0).field(), "sampling.logit_bias[4000000000]");
  EXPECT_EQ(worker->calls(), 0);
}

TEST_F(FieldRegressions, NothingIsSentTwiceWhenAStreamMoves_dynamo7634) {
  Start();
  for (const uint32_t sent : {1u, 7u, 29u}) {
    SCOPED_TRACE(sent);
    const GeneratedStream stream = BeginAtBad(HangAfter(sent), [this] { bad_->Kill(); });
    ExpectWhole(stream, 30);
    EXPECT_EQ(stream.finished.usage().output_tokens(), 30u);
    good_.reset();
  }
}

TEST(FieldRegressionsOfMetrics, BucketsTellFastModelsApart_vllm48175) {
  const std::vector<double>& bounds = TokenLatencyBuckets();
  for (const double milliseconds : {0.4, 0.8, 1.5, 2.5, 3.5, 4.5}) {
    const auto bucket = [&](double seconds) {
      return std::upper_bound(bounds.begin(), bounds.end(), seconds) - bounds.begin();
    };
    EXPECT_LT(bucket(milliseconds * 1e-3), bucket((milliseconds + 1) * 1e-3)) << milliseconds;
  }
}

}  // namespace
}  // namespace hekla::service
