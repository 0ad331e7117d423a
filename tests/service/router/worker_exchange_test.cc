#include "service/router/worker_exchange.h"

#include <gmock/gmock.h>
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "service/runtime/status.h"
#include "tests/support/service/fault_table.h"

namespace hekla::service {
namespace {

TEST_F(FaultTable, AllRequestsOfAWorkerShareAStream) {
  Start();
  const auto worker = fixture_->AddWorker("w0");
  std::vector<std::thread> clients;
  for (uint64_t seed = 1; seed <= 16; ++seed) {
    clients.emplace_back([&, seed] { ExpectWhole(fixture_->Generate(RouterFixture::Request(40, seed)), 40, seed); });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(worker->calls(), 16);
  EXPECT_EQ(worker->exchanges(), 1);
}

TEST_F(FaultTable, ARequestTooLargeForTheWorkersMessagesEndsAlone) {
  Start();
  FakeWorkerOptions options;
  options.max_message_bytes = 10'000;
  const auto worker = fixture_->AddWorker("w0", HangAfter(1), options);
  grpc::ClientContext context;
  const auto other = fixture_->stub().Generate(&context, RouterFixture::Request(30));
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.running() == 1; }));
  v1::GenerateRequest large = RouterFixture::Request(5);
  large.set_text(std::string(10'000, 'x'));
  ExpectRefused(large, absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_INVALID_FIELD);
  EXPECT_THAT(std::string(last_.message()),
              testing::ContainsRegex("request: has [0-9]+ bytes, the limit of a worker's message is 10000"));
  EXPECT_EQ(worker->running(), 1) << "the other one goes on";
  EXPECT_EQ(BreakerOf("w0"), State::kClosed);
  context.TryCancel();
}

TEST_F(FaultTable, AStreamThatClosesIsFollowedByAnother) {
  Start();
  const auto worker = fixture_->AddWorker("w0");
  ExpectWhole(fixture_->Generate(RouterFixture::Request(5)), 5);
  worker->CloseExchange();
  ExpectWhole(fixture_->Generate(RouterFixture::Request(5)), 5);
  EXPECT_EQ(worker->exchanges(), 2);
  EXPECT_EQ(BreakerOf("w0"), State::kClosed);
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_worker_inflight{worker=\"w0\"} 0"));
}

TEST_F(FaultTable, AWorkerThatRefusesTheStreamIsAtFaultNotTheRequest) {
  Start();
  FakeWorkerOptions options;
  options.serves_dispatch = false;
  bad_ = fixture_->AddWorker("bad", UsualScript, options);
  const GeneratedStream alone = fixture_->Generate(RouterFixture::Request(5));
  EXPECT_EQ(ReasonOf(alone.status), v1::ERROR_REASON_WORKER_LOST) << alone.status;
  EXPECT_THAT(std::string(alone.status.message()), testing::HasSubstr("it ended the stream of all requests: UNIMPLEMENTED"));
  EXPECT_EQ(BreakerOf("bad"), State::kOpen);
  good_ = fixture_->AddWorker("good");
  ExpectWhole(fixture_->Generate(RouterFixture::Request(5)), 5);
}

TEST_F(FaultTable, NoStepAtAWorkerOfTheList) {
  FakeWorkerOptions options;  // without a lease
  options.script = HangAfter(7);
  FakeWorker worker(options);
  RouterConfig config = OneFaultOpens();
  config.stall_limit = absl::Milliseconds(600);
  config.workers = {worker.address()};
  Start(config);
  ASSERT_TRUE(fixture_->AwaitMetric("hekla_router_workers{state=\"ready\"} 1"));
  GeneratedStream stream;
  std::thread client([&] { stream = fixture_->Generate(RouterFixture::Request(30)); });
  EXPECT_TRUE(worker.Await([](const FakeWorker& each) { return each.running() == 1; }));
  good_ = fixture_->AddWorker("good");
  worker.Stall(true);
  client.join();
  ExpectWhole(stream, 30);
  EXPECT_EQ(stream.finished.usage().resumed_times(), 1u);
  EXPECT_EQ(BreakerOf(worker.address()), State::kOpen);
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_worker_lost_total{cause=\"stalled\"} 1"));
}

TEST_F(FaultTable, AWorkerOfTheListReportsOnAfterItsStreamBroke) {
  FakeWorker worker{FakeWorkerOptions{}};
  v1::Load busy;
  busy.set_running(1);  // of another router: as the last word it would look like a stall
  RouterConfig config;
  config.stall_limit = absl::Milliseconds(400);
  config.workers = {worker.address()};
  Start(config);
  const auto running = [&] {
    const auto workers = fixture_->router().registry().All();
    return workers.empty() ? 0 : workers.front()->State().load().running();
  };
  worker.SetLoad(busy);
  ASSERT_TRUE(Eventually([&] { return running() == 1; }));
  worker.BreakExchanges();
  EXPECT_TRUE(worker.Await([](const FakeWorker& each) { return each.exchanges() >= 2; }));
  worker.SetLoad(v1::Load());
  EXPECT_TRUE(Eventually([&] { return running() == 0; }));
  ExpectWhole(fixture_->Generate(RouterFixture::Request(5)), 5);
}

TEST_F(FaultTable, AWorkerOfTheListThatMovesIsLeftAlone) {
  FakeWorkerOptions options;
  absl::Notification go_on;
  options.script = [&](FakeStream& stream) {
    go_on.WaitForNotification();
    return UsualScript(stream);
  };
  FakeWorker worker(options);
  RouterConfig config = OneFaultOpens();
  config.stall_limit = absl::Milliseconds(600);
  config.workers = {worker.address()};
  Start(config);
  ASSERT_TRUE(fixture_->AwaitMetric("hekla_router_workers{state=\"ready\"} 1"));
  GeneratedStream stream;
  std::thread client([&] { stream = fixture_->Generate(RouterFixture::Request(5)); });
  EXPECT_TRUE(worker.Await([](const FakeWorker& each) { return each.running() == 1; }));
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_loop_delay_seconds_count 12")) << "twelve looks, 150 ms apart";
  go_on.Notify();
  client.join();
  ExpectWhole(stream, 5);
  EXPECT_TRUE(fixture_->AwaitMetric("hekla_router_worker_lost_total{cause=\"stalled\"} 0"));
}

}  // namespace
}  // namespace hekla::service
