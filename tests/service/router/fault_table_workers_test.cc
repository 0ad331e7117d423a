// The router's behaviour event by event, what workers do: each test is a row, and checks what the client sees
// and whether the worker's breaker counts it.
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "absl/synchronization/notification.h"
#include "service/runtime/status.h"
#include "tests/support/service/fault_table.h"

namespace hekla::service {
namespace {

TEST_F(FaultTable, BrokenBeforeTheFirstToken) {
  for (const grpc::StatusCode code : {grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::INTERNAL,
                                      grpc::StatusCode::DATA_LOSS, grpc::StatusCode::UNKNOWN}) {
    Start();
    const GeneratedStream stream = BeginAtBad(BreakAfter(0, code), [] {});
    ExpectWhole(stream, 30);
    EXPECT_EQ(stream.finished.usage().resumed_times(), 0u) << "nothing was seen of it";
    EXPECT_EQ(BreakerOf("bad"), State::kOpen) << code;
  }
}

TEST_F(FaultTable, LeaseLostBeforeTheFirstToken) {
  Start();
  const GeneratedStream stream = BeginAtBad(HangAfter(0), [this] { bad_->Detach(); });
  ExpectWhole(stream, 30);
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_retries_total{cause=\"lost\",result=\"ok\"} 1"));
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_worker_lost_total{cause=\"lease\"} 1"));
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_worker_detect_seconds_count 1"));
  const auto again = fixture_->AddWorker("bad", UsualScript, {.incarnation = 2});
  EXPECT_EQ(BreakerOf("bad"), State::kOpen) << "the next incarnation inherits the fault";
}

TEST_F(FaultTable, BrokenAfterTheFirstToken) {
  Start();
  const GeneratedStream stream = BeginAtBad(BreakAfter(7), [] {});
  ExpectWhole(stream, 30);
  EXPECT_EQ(stream.finished.usage().resumed_times(), 1u);
  ASSERT_EQ(good_->requests().size(), 1u);
  EXPECT_EQ(good_->requests()[0].resume_token_ids_size(), 7);
  EXPECT_EQ(BreakerOf("bad"), State::kOpen);
}

TEST_F(FaultTable, ResumeImpossible) {
  Start();
  v1::GenerateRequest request = RouterFixture::Request(30);
  request.mutable_output()->set_n(2);  // two streams in one cannot be taken over
  const GeneratedStream stream = BeginAtBad(BreakAfter(7), [] {}, request);
  EXPECT_TRUE(absl::IsUnavailable(stream.status));
  EXPECT_EQ(ReasonOf(stream.status), v1::ERROR_REASON_WORKER_LOST);
  EXPECT_EQ(ErrorInfoOf(stream.status).metadata().at("worker"), "bad");
  EXPECT_EQ(stream.text, FakeText(1, 0, 7)) << "what there was is delivered";
  EXPECT_EQ(good_->calls(), 0);
  EXPECT_EQ(BreakerOf("bad"), State::kOpen);
}

TEST_F(FaultTable, NoStepThoughWorkIsPresent) {
  RouterConfig config = OneFaultOpens();
  config.breaker.faults = 1000;  // only the wedge opens it
  config.stall_limit = absl::Milliseconds(400);
  Start(config);
  const GeneratedStream stream = BeginAtBad(HangAfter(7), [this] { bad_->Stall(true); });
  ExpectWhole(stream, 30);
  EXPECT_EQ(stream.finished.usage().resumed_times(), 1u);
  EXPECT_EQ(BreakerOf("bad"), State::kOpen);
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_worker_lost_total{cause=\"stalled\"} 1"));
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_resumes_total{cause=\"stalled\",result=\"ok\"} 1"));
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_worker_breaker{state=\"open\",worker=\"bad\"} 1"));
  for (int i = 0; i < 10; ++i) ExpectWhole(fixture_->Generate(RouterFixture::Request(3)), 3);
  EXPECT_EQ(bad_->calls(), 1) << "nothing more is sent there";
}

TEST_F(FaultTable, AWorkerThatFallsSilentIsStalledToo) {
  RouterConfig config = OneFaultOpens();
  config.stall_limit = absl::Milliseconds(400);
  Start(config);
  ExpectWhole(BeginAtBad(HangAfter(0), [this] { bad_->Silence(); }), 30);
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_retries_total{cause=\"stalled\",result=\"ok\"} 1"));
}

TEST_F(FaultTable, WorkersThatMoveSlowlyAreLeftAlone) {
  RouterConfig config = OneFaultOpens();
  config.stall_limit = absl::Milliseconds(200);
  Start(config);
  absl::Notification go_on;
  const auto worker = fixture_->AddWorker("w0", [&](FakeStream& stream) {
    go_on.WaitForNotification();  // a long prefill, whose steps are reported
    return UsualScript(stream);
  });
  GeneratedStream stream;
  std::thread client([&] { stream = fixture_->Generate(RouterFixture::Request(5)); });
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.running() == 1; }));
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_loop_delay_seconds_count 40")) << "forty looks at it, 50 ms apart";
  go_on.Notify();
  client.join();
  ExpectWhole(stream, 5);
  EXPECT_EQ(BreakerOf("w0"), State::kClosed);
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_worker_lost_total{cause=\"stalled\"} 0"));
}

TEST_F(FaultTable, PoisonRequest) {
  RouterConfig config;
  config.breaker.faults = 1000;
  Start(config);
  auto first = fixture_->AddWorker("first", HangAfter(2));
  v1::GenerateRequest request = RouterFixture::Request(30);
  request.set_text("deadly");
  GeneratedStream stream;
  std::thread client([&] { stream = fixture_->Generate(request); });
  EXPECT_TRUE(first->Await([](const FakeWorker& each) { return each.running() == 1; }));
  auto second = fixture_->AddWorker("second", HangAfter(2));
  first->Kill();
  EXPECT_TRUE(second->Await([](const FakeWorker& each) { return each.running() == 1; }));
  const auto third = fixture_->AddWorker("third");
  second->Detach();
  client.join();
  EXPECT_TRUE(absl::IsInternal(stream.status)) << stream.status;
  EXPECT_EQ(ReasonOf(stream.status), v1::ERROR_REASON_POISON_REQUEST);
  EXPECT_EQ(third->calls(), 0) << "a third worker is not risked";
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_poison_total 1"));
  request.set_request_id("under another name");
  ExpectRefused(request, absl::StatusCode::kInternal, v1::ERROR_REASON_POISON_REQUEST);
  EXPECT_EQ(third->calls(), 0);
  request.set_text("harmless");
  ExpectWhole(fixture_->Generate(request), 30);
  EXPECT_EQ(BreakerOf("third"), State::kClosed);
}

TEST_F(FaultTable, BrokenConnectionsOfLivingWorkersAreNoPoison) {
  RouterConfig config;
  config.breaker.faults = 1000;
  Start(config);
  // One worker dies, one only breaks the stream: the third try is made.
  auto dying = fixture_->AddWorker("dying", HangAfter(0));
  GeneratedStream stream;
  std::thread client([&] { stream = fixture_->Generate(RouterFixture::Request(30)); });
  EXPECT_TRUE(dying->Await([](const FakeWorker& each) { return each.running() == 1; }));
  absl::Notification go_on;
  const auto breaking = fixture_->AddWorker("breaking", [&](FakeStream& each) {
    go_on.WaitForNotification();
    return BreakAfter(0)(each);
  });
  dying->Kill();
  EXPECT_TRUE(breaking->Await([](const FakeWorker& each) { return each.running() == 1; }));
  const auto good = fixture_->AddWorker("good");
  go_on.Notify();
  client.join();
  ExpectWhole(stream, 30);
}

grpc::Status SendFive(FakeStream& stream) {
  stream.Start();
  stream.Tokens(5);
  return grpc::Status::OK;
}

// A delta that does not continue what SendFive sent.
FakeScript WrongDelta(uint32_t offset, uint32_t id) {
  return [offset, id](FakeStream& stream) {
    v1::GenerateResponse wrong;
    wrong.mutable_delta()->set_token_offset(offset);
    wrong.mutable_delta()->set_token_count(1);
    wrong.mutable_delta()->add_token_ids(id);
    wrong.mutable_delta()->set_text("?");
    stream.Write(wrong);
    Eventually([&] { return stream.cancelled(); });
    return grpc::Status::CANCELLED;
  };
}

TEST_F(FaultTable, WrongOffsetOrIdFromAWorker) {
  const struct {
    const char* name;
    uint32_t offset, id;
  } cases[] = {{"repeat", 4, 1}, {"gap", 6, 1}, {"id beyond the vocabulary", 5, 1000}};
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    Start();
    const GeneratedStream stream = BeginAtBad(SendFive, [] {}, RouterFixture::Request(30), WrongDelta(each.offset, each.id));
    ExpectWhole(stream, 30);
    EXPECT_EQ(stream.finished.usage().resumed_times(), 1u);
    EXPECT_EQ(BreakerOf("bad"), State::kOpen);
  }
}

TEST_F(FaultTable, DeviceLostInAWorker) {
  Start();
  const GeneratedStream stream = BeginAtBad(
      [](FakeStream& each) {
        each.Start();
        each.Tokens(4);
        return ToGrpc(MakeError(absl::StatusCode::kInternal, v1::ERROR_REASON_DEVICE_LOST, "device lost"));
      },
      [] {});
  ExpectWhole(stream, 30);
  EXPECT_EQ(BreakerOf("bad"), State::kOpen);
}

TEST_F(FaultTable, SlowReader) {
  RouterConfig config = OneFaultOpens();
  config.slow_client_limit = absl::Milliseconds(300);
  Start(config);
  const std::string text(1 << 14, 'x');
  const auto worker = fixture_->AddWorker("w0",
                                          [&](FakeStream& stream) {
                                            stream.Start();
                                            v1::GenerateResponse response;
                                            v1::Delta& delta = *response.mutable_delta();
                                            delta.set_token_count(1);
                                            delta.add_token_ids(7);
                                            delta.set_text(text);
                                            for (uint32_t i = 0; i < 10'000; ++i) {
                                              delta.set_token_offset(i);
                                              if (!stream.Write(response)) break;
                                            }
                                            // A write may fail before the cancel is known.
                                            Eventually([&] { return stream.cancelled(); });
                                            return grpc::Status::CANCELLED;
                                          },
                                          {.context = 1'000'000});
  grpc::ClientContext context;
  const auto stream = fixture_->stub().Generate(&context, RouterFixture::Request(10'000));
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.cancelled() == 1 && each.running() == 0; }));
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_slow_consumer_total 1"));
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_worker_inflight{worker=\"w0\"} 0"));
  v1::GenerateResponse response;
  while (stream->Read(&response)) continue;
  const absl::Status status = FromGrpc(stream->Finish());
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_SLOW_CONSUMER);
  EXPECT_EQ(BreakerOf("w0"), State::kClosed);
}

TEST_F(FaultTable, WeightsHashDiffers) {
  RouterConfig config = OneFaultOpens();
  config.worker_wait = absl::Milliseconds(300);
  Start(config);
  const auto other = fixture_->AddWorker("other", SilentScript, {.weights_hash = "other weights"});
  v1::DrainRequest drain;
  drain.set_worker_id("other");
  v1::DrainResponse drained;
  grpc::ClientContext drain_context;
  ASSERT_TRUE(fixture_->admin().Drain(&drain_context, drain, &drained).ok());
  const auto bad = fixture_->AddWorker("bad", HangAfter(7));
  GeneratedStream stream;
  std::thread client([&] { stream = fixture_->Generate(RouterFixture::Request(30)); });
  EXPECT_TRUE(bad->Await([](const FakeWorker& each) { return each.running() == 1; }));
  v1::UndrainRequest undrain;
  undrain.set_worker_id("other");
  v1::UndrainResponse undrained;
  grpc::ClientContext undrain_context;
  ASSERT_TRUE(fixture_->admin().Undrain(&undrain_context, undrain, &undrained).ok());
  bad->Kill();
  client.join();
  EXPECT_EQ(ReasonOf(stream.status), v1::ERROR_REASON_WORKER_LOST) << stream.status;
  EXPECT_EQ(stream.text, FakeText(1, 0, 7));
  EXPECT_EQ(other->calls(), 0) << "never resumed with other weights";
}

TEST_F(FaultTable, MoreThanHalfThePoolBroken) {
  Start();
  std::atomic<bool> is_bad = true;
  const auto script = [&](FakeStream& stream) {
    return is_bad ? grpc::Status(grpc::StatusCode::INTERNAL, "broken") : UsualScript(stream);
  };
  const auto a = fixture_->AddWorker("a", script), b = fixture_->AddWorker("b", script);
  fixture_->Generate(RouterFixture::Request(5));
  EXPECT_EQ(BreakerOf("a"), State::kOpen);
  EXPECT_EQ(BreakerOf("b"), State::kOpen);
  is_bad = false;
  ExpectWhole(fixture_->Generate(RouterFixture::Request(5)), 5);
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_route_total{branch=\"panic\"}"));
}

TEST_F(FaultTable, WorkerDrain) {
  Start();
  const auto a = fixture_->AddWorker("a"), b = fixture_->AddWorker("b");
  v1::DrainRequest drain;
  drain.set_worker_id("a");
  v1::DrainResponse drained;
  grpc::ClientContext context;
  ASSERT_TRUE(fixture_->admin().Drain(&context, drain, &drained).ok());
  for (int i = 0; i < 10; ++i) ExpectWhole(fixture_->Generate(RouterFixture::Request(3)), 3);
  EXPECT_EQ(a->calls(), 0);
  EXPECT_EQ(BreakerOf("a"), State::kClosed);
}

TEST_F(FaultTable, WorkerDrainAtItsLimit) {
  Start();
  const GeneratedStream stream = BeginAtBad(
      [](FakeStream& each) {
        each.Start();
        each.Tokens(4);
        return ToGrpc(MakeError(absl::StatusCode::kUnavailable, v1::ERROR_REASON_DRAINING, "the limit is over"));
      },
      [] {});
  ExpectWhole(stream, 30);
  EXPECT_EQ(BreakerOf("bad"), State::kClosed) << "it did what it was told";
}

TEST_F(FaultTable, RouterGoesDown) {
  RouterConfig config = OneFaultOpens();
  config.drain_limit = absl::Milliseconds(100);
  Start(config);
  const auto worker = fixture_->AddWorker("w0", HangAfter(3));
  GeneratedStream stream;
  std::thread client([&] { stream = fixture_->Generate(RouterFixture::Request(6)); });
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.running() == 1; }));
  fixture_->router().Drain();
  client.join();
  EXPECT_TRUE(absl::IsUnavailable(stream.status)) << stream.status;
  EXPECT_EQ(ReasonOf(stream.status), v1::ERROR_REASON_DRAINING);
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.cancelled() == 1; }));
  EXPECT_EQ(BreakerOf("w0"), State::kClosed);
}

}  // namespace
}  // namespace hekla::service
