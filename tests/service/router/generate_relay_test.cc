// One client, a router, fake workers: retry, resume, cancel, deadline, queue, back-pressure.
#include "service/router/generate_relay.h"

#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/barrier.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "service/runtime/status.h"
#include "tests/support/service/fake_worker.h"
#include "tests/support/service/router_fixture.h"

namespace hekla::service {
namespace {

TEST(GenerateRelayTest, RelaysAStream) {
  RouterFixture fixture;
  const auto worker = fixture.AddWorker("w0");
  v1::GenerateRequest request = RouterFixture::Request(100);
  request.set_request_id("mine");
  const GeneratedStream stream = fixture.Generate(request);
  ExpectWhole(stream, 100);
  EXPECT_EQ(stream.started.request_id(), "mine");
  EXPECT_EQ(stream.started.model(), "fake") << "the only model is meant when none is named";
  EXPECT_EQ(stream.finished.usage().resumed_times(), 0u);
  EXPECT_TRUE(fixture.AwaitMetric(
      "hekla_router_requests_finished_total{code=\"OK\",model=\"fake\",reason=\"max_tokens\"} 1"));
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_output_tokens_total 100"));
}

TEST(GenerateRelayTest, DrawsASeedAndAnIdWhenThereIsNone) {
  RouterFixture fixture;
  const auto worker = fixture.AddWorker("w0");
  v1::GenerateRequest request = RouterFixture::Request(5);
  request.mutable_sampling()->clear_seed();
  const GeneratedStream stream = fixture.Generate(request);
  EXPECT_FALSE(stream.started.request_id().empty());
  ExpectWhole(stream, 5, stream.started.seed());
}

TEST(GenerateRelayTest, RetriesUnseenBeforeTheFirstToken) {
  RouterFixture fixture;
  const auto bad = fixture.AddWorker("bad", BreakAfter(0));
  std::unique_ptr<FakeWorker> good;
  std::thread later([&] {
    EXPECT_TRUE(bad->Await([](const FakeWorker& worker) { return worker.calls() >= 1; }));
    good = fixture.AddWorker("good");
  });
  const GeneratedStream stream = fixture.Generate(RouterFixture::Request(20));
  later.join();
  // The bad worker may take all three tries before the good one is there; with it there the stream is whole.
  if (stream.status.ok()) ExpectWhole(stream, 20);
  const GeneratedStream second = fixture.Generate(RouterFixture::Request(20));
  ExpectWhole(second, 20);
  EXPECT_EQ(second.finished.usage().resumed_times(), 0u);
}

TEST(GenerateRelayTest, ResumesAfterTheFirstTokenOnAnotherWorker) {
  RouterFixture fixture;
  const auto bad = fixture.AddWorker("bad", BreakAfter(7));
  const GeneratedStream alone = fixture.Generate(RouterFixture::Request(20));
  // Each try brings seven tokens more, none brings Finished.
  EXPECT_EQ(alone.text, FakeText(1, 0, 21));
  EXPECT_TRUE(alone.offsets_ok);
  EXPECT_EQ(ReasonOf(alone.status), v1::ERROR_REASON_WORKER_LOST) << alone.status;

  const auto good = fixture.AddWorker("good");
  int resumed = 0;
  for (int i = 0; i < 10; ++i) {
    const GeneratedStream stream = fixture.Generate(RouterFixture::Request(50));
    ExpectWhole(stream, 50);
    resumed += static_cast<int>(stream.finished.usage().resumed_times());
  }
  EXPECT_GT(resumed, 0) << "some of ten requests began at the bad worker";
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_resumes_total{cause=\"connection\",result=\"ok\"}"));
}

TEST(GenerateRelayTest, AKilledWorkersStreamGoesOnElsewhere) {
  RouterFixture fixture;
  absl::Notification sent;
  auto dying = fixture.AddWorker("dying", [&](FakeStream& stream) {
    stream.Start();
    stream.Tokens(10);
    sent.Notify();
    Eventually([&] { return stream.cancelled(); });
    return grpc::Status::CANCELLED;
  });
  GeneratedStream stream;
  std::thread client([&] { stream = fixture.Generate(RouterFixture::Request(30)); });
  sent.WaitForNotification();
  const auto good = fixture.AddWorker("good");
  dying->Kill();
  client.join();
  ExpectWhole(stream, 30);
  EXPECT_EQ(stream.finished.usage().resumed_times(), 1u);
  ASSERT_EQ(good->requests().size(), 1u);
  EXPECT_GE(good->requests()[0].resume_token_ids_size(), 1);
}

TEST(GenerateRelayTest, ALostLeaseMovesRequestsThoughTheConnectionLives) {
  RouterFixture fixture;
  const auto silent = fixture.AddWorker("silent", SilentScript);
  GeneratedStream stream;
  std::thread client([&] { stream = fixture.Generate(RouterFixture::Request(30)); });
  EXPECT_TRUE(silent->Await([](const FakeWorker& worker) { return worker.running() == 1; }));
  const auto good = fixture.AddWorker("good");
  silent->Detach();
  client.join();
  ExpectWhole(stream, 30);
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_retries_total{cause=\"lost\",result=\"ok\"} 1"));
  EXPECT_TRUE(silent->Await([](const FakeWorker& worker) { return worker.cancelled() == 1; }))
      << "the lost worker's call is cancelled";
}

TEST(GenerateRelayTest, WrongOffsetsNeverReachTheClient) {
  RouterFixture fixture;
  const auto bad = fixture.AddWorker("bad", [](FakeStream& stream) {
    stream.Start();
    stream.Tokens(5);
    v1::GenerateResponse repeat;
    repeat.mutable_delta()->set_token_offset(4);
    repeat.mutable_delta()->set_token_count(1);
    repeat.mutable_delta()->add_token_ids(1);
    stream.Write(repeat);
    Eventually([&] { return stream.cancelled(); });
    return grpc::Status::CANCELLED;
  });
  GeneratedStream stream;
  std::thread client([&] { stream = fixture.Generate(RouterFixture::Request(30)); });
  EXPECT_TRUE(bad->Await([](const FakeWorker& worker) { return worker.calls() >= 1; }));
  const auto good = fixture.AddWorker("good");
  client.join();
  // The bad worker is tried again while it is alone; then the good one has the rest.
  if (stream.status.ok()) ExpectWhole(stream, 30);
  EXPECT_TRUE(stream.offsets_ok);
  EXPECT_EQ(stream.text, FakeText(1, 0, static_cast<uint32_t>(stream.text.size())));
}

TEST(GenerateRelayTest, ErrorsOfTheRequestAreNotRetried) {
  RouterFixture fixture;
  const auto worker = fixture.AddWorker("w0", [](FakeStream&) {
    return ToGrpc(
        MakeError(absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_PROMPT_TOO_LONG, "text: too long"));
  });
  const GeneratedStream stream = fixture.Generate(RouterFixture::Request(5));
  EXPECT_TRUE(absl::IsInvalidArgument(stream.status));
  EXPECT_EQ(ReasonOf(stream.status), v1::ERROR_REASON_PROMPT_TOO_LONG);
  EXPECT_EQ(worker->calls(), 1);
}

TEST(GenerateRelayTest, AFullWorkerIsPassedOver) {
  RouterFixture fixture;
  const auto full = fixture.AddWorker("full", [](FakeStream&) {
    return ToGrpc(MakeError(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_QUEUE_FULL, "full"));
  });
  const auto good = fixture.AddWorker("good");
  for (int i = 0; i < 10; ++i) ExpectWhole(fixture.Generate(RouterFixture::Request(5)), 5);
  EXPECT_GE(full->calls(), 1);
  EXPECT_EQ(good->calls(), 10);
}

TEST(GenerateRelayTest, ThreeLostWorkersAreEnough) {
  RouterFixture fixture;
  const auto bad = fixture.AddWorker("bad", BreakAfter(0));
  const GeneratedStream stream = fixture.Generate(RouterFixture::Request(5));
  EXPECT_TRUE(absl::IsUnavailable(stream.status));
  EXPECT_EQ(ReasonOf(stream.status), v1::ERROR_REASON_WORKER_LOST);
  EXPECT_EQ(bad->calls(), kMaxRetries + 1);
}

TEST(GenerateRelayTest, CancelReachesTheWorker) {
  RouterFixture fixture;
  const auto worker = fixture.AddWorker("w0", SilentScript);
  grpc::ClientContext context;
  const v1::GenerateRequest request = RouterFixture::Request(5);
  const auto stream = fixture.stub().Generate(&context, request);
  v1::GenerateResponse response;
  ASSERT_TRUE(stream->Read(&response));
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(
      worker->Await([](const FakeWorker& each) { return each.cancelled() == 1 && each.running() == 0; }));
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_inflight{phase=\"prefill\"} 0"));
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_worker_inflight{worker=\"w0\"} 0"));
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_client_cancel_total{phase=\"prefill\"} 1"));
}

TEST(GenerateRelayTest, TheDeadlineGoesThroughBothHops) {
  RouterFixture fixture;
  const auto worker = fixture.AddWorker("w0", [](FakeStream& stream) {
    stream.Start();
    // The worker's own call carries the deadline.
    EXPECT_LT(stream.call().deadline(), absl::Now() + absl::Seconds(2));
    Eventually([&] { return stream.cancelled(); });
    return grpc::Status::CANCELLED;
  });
  const GeneratedStream stream = fixture.Generate(RouterFixture::Request(5), absl::Milliseconds(300));
  EXPECT_TRUE(absl::IsDeadlineExceeded(stream.status));
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.cancelled() == 1; }));
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_worker_inflight{worker=\"w0\"} 0"));
}

TEST(GenerateRelayTest, WithoutAWorkerItWaitsAndThenRefuses) {
  RouterConfig config;
  config.worker_wait = absl::Milliseconds(200);
  RouterFixture fixture(config);
  const absl::Time begun = absl::Now();
  const GeneratedStream stream = fixture.Generate(RouterFixture::Request(5));
  EXPECT_GE(absl::Now() - begun, absl::Milliseconds(200));
  EXPECT_TRUE(absl::IsUnavailable(stream.status));
  EXPECT_EQ(ReasonOf(stream.status), v1::ERROR_REASON_NO_WORKER);
  EXPECT_TRUE(RetryDelayOf(stream.status).has_value());
}

TEST(GenerateRelayTest, AWorkerThatComesInTimeServesWhatWaited) {
  RouterFixture fixture;
  GeneratedStream stream;
  std::thread client([&] { stream = fixture.Generate(RouterFixture::Request(5)); });
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_queued_requests 1"));
  const auto worker = fixture.AddWorker("w0");
  client.join();
  ExpectWhole(stream, 5);
}

TEST(GenerateRelayTest, WhoWaitsInTheQueueIsKeptAlive) {
  RouterFixture fixture;
  FakeWorkerOptions small;
  small.sequences = 1;
  absl::Notification go_on;
  const auto worker = fixture.AddWorker("w0",
                                        [&](FakeStream& stream) {
                                          go_on.WaitForNotification();
                                          return UsualScript(stream);
                                        },
                                        small);
  std::vector<std::thread> clients;
  std::vector<GeneratedStream> streams(3);
  for (int i = 0; i < 2; ++i) clients.emplace_back([&, i] { streams[i] = fixture.Generate(RouterFixture::Request(5)); });
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.running() == 2; }));
  clients.emplace_back([&] { streams[2] = fixture.Generate(RouterFixture::Request(5)); });
  // Three seconds and more, at four looks a second.
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_loop_delay_seconds_count 14"));
  go_on.Notify();
  for (std::thread& client : clients) client.join();
  for (const GeneratedStream& stream : streams) ExpectWhole(stream, 5);
  const std::vector<v1::Keepalive>& keepalives = streams[2].keepalives;
  EXPECT_GE(keepalives.size(), 1u);
  EXPECT_LE(keepalives.size(), 4u) << "at most one a second";
  for (const v1::Keepalive& each : keepalives) EXPECT_EQ(each.phase(), v1::Keepalive::QUEUED);
}

TEST(GenerateRelayTest, RetriesAreWithinABudget) {
  RouterConfig config;
  config.breaker.faults = 1'000'000;
  RouterFixture fixture(config);
  const auto bad = fixture.AddWorker("bad", BreakAfter(0, grpc::StatusCode::INTERNAL));
  constexpr int kRequests = 200;
  int refused = 0;
  for (int i = 0; i < kRequests; ++i) {
    const absl::Status status = fixture.Generate(RouterFixture::Request(5)).status;
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_WORKER_LOST);
    refused += RetryDelayOf(status).has_value();
  }
  EXPECT_GT(refused, kRequests / 2);
  EXPECT_GE(bad->calls(), kRequests + 10);
  EXPECT_LE(bad->calls(), kRequests + 10 + kRequests / 5 + 20) << "without the budget it would be three times as many";
}

TEST(GenerateRelayTest, AFullQueueAndAQueueTimeoutRefuse) {
  RouterConfig config;
  config.max_queued_requests = 1;
  RouterFixture fixture(config);
  FakeWorkerOptions small;
  small.sequences = 1;  // and one more kept ready
  const auto worker = fixture.AddWorker("w0", SilentScript, small);
  std::vector<std::thread> holders;
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  for (int i = 0; i < 2; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    holders.emplace_back([&, context = contexts.back().get()] {
      const auto stream = fixture.stub().Generate(context, RouterFixture::Request(5));
      v1::GenerateResponse response;
      while (stream->Read(&response)) continue;
      const grpc::Status status = stream->Finish();
      EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED) << FromGrpc(status);
    });
  }
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.running() == 2; }));
  v1::GenerateRequest request = RouterFixture::Request(5);
  *request.mutable_queue_timeout() = google::protobuf::Duration();
  request.mutable_queue_timeout()->set_nanos(300'000'000);
  GeneratedStream waiting;
  std::thread third([&] { waiting = fixture.Generate(request); });
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_queued_requests 1"));
  const GeneratedStream refused = fixture.Generate(RouterFixture::Request(5));
  EXPECT_EQ(ReasonOf(refused.status), v1::ERROR_REASON_QUEUE_FULL) << refused.status;
  EXPECT_TRUE(RetryDelayOf(refused.status).has_value());
  third.join();
  EXPECT_EQ(ReasonOf(waiting.status), v1::ERROR_REASON_QUEUE_TIMEOUT) << waiting.status;
  for (auto& context : contexts) context->TryCancel();
  for (std::thread& holder : holders) holder.join();
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_worker_inflight{worker=\"w0\"} 0"));
}

TEST(GenerateRelayTest, ARequestIdInFlightIsRefused) {
  RouterFixture fixture;
  const auto worker = fixture.AddWorker("w0", SilentScript);
  v1::GenerateRequest request = RouterFixture::Request(5);
  request.set_request_id("twin");
  grpc::ClientContext context;
  const auto first = fixture.stub().Generate(&context, request);
  v1::GenerateResponse response;
  ASSERT_TRUE(first->Read(&response));
  const GeneratedStream second = fixture.Generate(request);
  EXPECT_TRUE(absl::IsAlreadyExists(second.status));
  EXPECT_EQ(ReasonOf(second.status), v1::ERROR_REASON_DUPLICATE_REQUEST);
  context.TryCancel();
  first->Finish();
}

TEST(GenerateRelayTest, BadRequestsAreRefusedBeforeTheQueue) {
  RouterFixture fixture;
  const auto worker = fixture.AddWorker("w0");
  v1::GenerateRequest request = RouterFixture::Request(5);
  request.mutable_sampling()->set_top_p(1.5f);
  EXPECT_EQ(ReasonOf(fixture.Generate(request).status), v1::ERROR_REASON_INVALID_FIELD);
  request = RouterFixture::Request(5);
  request.set_model("nobody");
  EXPECT_EQ(ReasonOf(fixture.Generate(request).status), v1::ERROR_REASON_UNKNOWN_MODEL);
  request = RouterFixture::Request(5000);
  request.mutable_token_ids()->add_ids(1);
  EXPECT_EQ(ReasonOf(fixture.Generate(request).status), v1::ERROR_REASON_NEVER_FITS);
  EXPECT_EQ(worker->calls(), 0);
}

TEST(GenerateRelayTest, ASlowReaderHoldsUpItsWorkerAndLosesNothing) {
  RouterFixture fixture;
  // 120 MB, far more than what gRPC and the kernel keep for a stream.
  constexpr uint32_t kTokens = 30'000;
  const std::string text(4096, 'x');
  std::atomic<uint32_t> produced = 0;
  const auto worker = fixture.AddWorker("w0",
                                        [&](FakeStream& stream) {
                                          stream.Start();
                                          v1::GenerateResponse response;
                                          v1::Delta& delta = *response.mutable_delta();
                                          delta.set_token_count(1);
                                          delta.add_token_ids(7);
                                          delta.set_text(text);
                                          for (uint32_t i = 0; i < kTokens; ++i) {
                                            delta.set_token_offset(i);
                                            if (!stream.Write(response)) return grpc::Status::CANCELLED;
                                            produced = i + 1;
                                          }
                                          stream.Finish();
                                          return grpc::Status::OK;
                                        },
                                        {.context = 1'000'000});
  grpc::ClientContext context;
  const auto stream = fixture.stub().Generate(&context, RouterFixture::Request(kTokens));
  // Unread, the worker comes to a stop long before its end: production stands still over a while.
  uint32_t last = 0;
  EXPECT_TRUE(Eventually([&] {
    const uint32_t before = produced;
    absl::SleepFor(absl::Milliseconds(200));
    last = produced;
    return last > 0 && before == last;
  }));
  EXPECT_LT(last, kTokens / 2);
  v1::GenerateResponse response;
  uint32_t received = 0;
  size_t bytes = 0;
  int deltas = 0;
  while (stream->Read(&response)) {
    if (!response.has_delta()) continue;
    ASSERT_EQ(response.delta().token_offset(), received);
    received += response.delta().token_count();
    bytes += response.delta().text().size();
    ++deltas;
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(received, kTokens);
  EXPECT_EQ(bytes, kTokens * text.size());
  EXPECT_LT(deltas, static_cast<int>(kTokens)) << "what waited was merged";
}

TEST(GenerateRelayTest, ManyStreamsWithRandomCancelsLeaveNothingBehind) {
  RouterFixture fixture;
  std::vector<std::unique_ptr<FakeWorker>> workers;
  for (int i = 0; i < 2; ++i) workers.push_back(fixture.AddWorker(absl::StrCat("w", i)));
  std::vector<std::thread> clients;
  std::atomic<int> finished = 0, cancelled = 0;
  for (uint64_t i = 0; i < 32; ++i) {
    clients.emplace_back([&, i] {
      for (uint64_t round = 0; round < 5; ++round) {
        const uint64_t seed = 100 * i + round;
        const uint32_t tokens = 20 + static_cast<uint32_t>(seed % 200);
        if (seed % 3 != 0) {
          ExpectWhole(fixture.Generate(RouterFixture::Request(tokens, seed)), tokens, seed);
          ++finished;
          continue;
        }
        grpc::ClientContext context;
        const auto stream = fixture.stub().Generate(&context, RouterFixture::Request(tokens, seed));
        v1::GenerateResponse response;
        for (uint64_t reads = 0; reads < seed % 7 && stream->Read(&response);) ++reads;
        context.TryCancel();
        while (stream->Read(&response)) continue;
        stream->Finish();
        ++cancelled;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(finished + cancelled, 160);
  for (const auto& worker : workers) {
    EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.running() == 0; }));
  }
  for (const char* phase : {"queued", "prefill", "decode"}) {
    EXPECT_TRUE(fixture.AwaitMetric(absl::StrCat("hekla_router_inflight{phase=\"", phase, "\"} 0")));
  }
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_worker_inflight{worker=\"w0\"} 0"));
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_worker_inflight{worker=\"w1\"} 0"));
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_queued_requests 0"));
}

}  // namespace
}  // namespace hekla::service
