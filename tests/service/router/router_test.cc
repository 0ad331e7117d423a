// The router as a whole: models, health, admin, leases, static workers, drain.
#include "service/router/router.h"

#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "service/runtime/status.h"
#include "tests/support/service/fake_worker.h"
#include "tests/support/service/router_fixture.h"

namespace hekla::service {
namespace {

using grpc::health::v1::HealthCheckResponse;

class Watch {
 public:
  Watch(RouterFixture& fixture, const std::string& name)
      : stub_(grpc::health::v1::Health::NewStub(fixture.channel())) {
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(name);
    stream_ = stub_->Watch(&context_, request);
  }
  ~Watch() {
    context_.TryCancel();
    HealthCheckResponse response;
    while (stream_->Read(&response)) continue;
    stream_->Finish();
  }
  std::optional<HealthCheckResponse::ServingStatus> Next() {
    HealthCheckResponse response;
    if (!stream_->Read(&response)) return std::nullopt;
    return response.status();
  }

 private:
  std::unique_ptr<grpc::health::v1::Health::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<HealthCheckResponse>> stream_;
};

TEST(RouterTest, HealthFollowsTheWorkers) {
  RouterFixture fixture;
  Watch all(fixture, ""), inference(fixture, "hekla.v1.Inference"), model(fixture, "model/fake");
  EXPECT_EQ(all.Next(), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(inference.Next(), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(model.Next(), HealthCheckResponse::SERVICE_UNKNOWN);
  auto worker = fixture.AddWorker("w0");
  EXPECT_EQ(all.Next(), HealthCheckResponse::SERVING);
  EXPECT_EQ(inference.Next(), HealthCheckResponse::SERVING);
  EXPECT_EQ(model.Next(), HealthCheckResponse::SERVING);
  worker->Kill();
  EXPECT_EQ(all.Next(), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(model.Next(), HealthCheckResponse::NOT_SERVING);
}

TEST(RouterTest, AnswersForTheModels) {
  RouterFixture fixture;
  const auto a = fixture.AddWorker("a", UsualScript, {.model = "big", .context = 100});
  const auto b = fixture.AddWorker("b", UsualScript, {.model = "big", .context = 200});
  const auto c = fixture.AddWorker("c", UsualScript, {.model = "small"});
  grpc::ClientContext list_context, get_context, none_context, unknown_context;
  v1::ListModelsResponse models;
  ASSERT_TRUE(fixture.stub().ListModels(&list_context, {}, &models).ok());
  ASSERT_EQ(models.models_size(), 2);
  EXPECT_EQ(models.models(0).name(), "big");
  EXPECT_EQ(models.models(0).workers(), 2u);
  EXPECT_EQ(models.models(0).limits().max_context(), 200u);
  v1::GetModelRequest request;
  request.set_model("small");
  v1::Model model;
  ASSERT_TRUE(fixture.stub().GetModel(&get_context, request, &model).ok());
  EXPECT_EQ(model.workers(), 1u);
  request.clear_model();
  EXPECT_EQ(fixture.stub().GetModel(&none_context, request, &model).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  request.set_model("other");
  EXPECT_EQ(fixture.stub().GetModel(&unknown_context, request, &model).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST(RouterTest, SendsEachModelsRequestsToItsWorkers) {
  RouterFixture fixture;
  const auto a = fixture.AddWorker("a", UsualScript, {.model = "big"});
  const auto b = fixture.AddWorker("b", UsualScript, {.model = "small"});
  v1::GenerateRequest request = RouterFixture::Request(3);
  request.set_model("small");
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(fixture.Generate(request).status.ok());
  EXPECT_EQ(a->calls(), 0);
  EXPECT_EQ(b->calls(), 5);
}

TEST(RouterTest, ForwardsTokenizeAndDetokenize) {
  RouterFixture fixture;
  grpc::ClientContext none, encode, decode;
  v1::TokenizeRequest text;
  text.set_text("AB");
  v1::TokenizeResponse ids;
  const absl::Status refused = FromGrpc(fixture.stub().Tokenize(&none, text, &ids));
  EXPECT_EQ(ReasonOf(refused), v1::ERROR_REASON_NO_WORKER);
  const auto worker = fixture.AddWorker("w0");
  ASSERT_TRUE(fixture.stub().Tokenize(&encode, text, &ids).ok());
  ASSERT_EQ(ids.token_ids_size(), 2);
  EXPECT_EQ(ids.token_ids(1), 66u);
  v1::DetokenizeRequest back;
  *back.mutable_token_ids() = ids.token_ids();
  v1::DetokenizeResponse detokenized;
  ASSERT_TRUE(fixture.stub().Detokenize(&decode, back, &detokenized).ok());
  EXPECT_EQ(detokenized.text(), "AB");
}

TEST(RouterTest, OperatorsSeeAndCancelRequests) {
  RouterFixture fixture;
  const auto worker = fixture.AddWorker("w0", SilentScript);
  v1::GenerateRequest request = RouterFixture::Request(3);
  request.set_request_id("stuck");
  GeneratedStream stream;
  std::thread client([&] { stream = fixture.Generate(request); });
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.running() == 1; }));
  grpc::ClientContext list, cancel, again;
  v1::ListInFlightResponse inflight;
  ASSERT_TRUE(fixture.admin().ListInFlight(&list, {}, &inflight).ok());
  ASSERT_EQ(inflight.requests_size(), 1);
  EXPECT_EQ(inflight.requests(0).request_id(), "stuck");
  EXPECT_EQ(inflight.requests(0).worker_id(), "w0");
  EXPECT_EQ(inflight.requests(0).phase(), v1::InFlight::PREFILL);
  v1::CancelRequest victim;
  victim.set_request_id("stuck");
  v1::CancelResponse cancelled;
  ASSERT_TRUE(fixture.admin().Cancel(&cancel, victim, &cancelled).ok());
  client.join();
  EXPECT_TRUE(absl::IsCancelled(stream.status));
  EXPECT_EQ(fixture.admin().Cancel(&again, victim, &cancelled).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST(RouterTest, ADrainingWorkerGetsNoNewWork) {
  RouterFixture fixture;
  const auto a = fixture.AddWorker("a"), b = fixture.AddWorker("b");
  v1::DrainRequest drain;
  drain.set_worker_id("a");
  v1::DrainResponse drained;
  grpc::ClientContext drain_context, undrain_context, unknown_context;
  ASSERT_TRUE(fixture.admin().Drain(&drain_context, drain, &drained).ok());
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(fixture.Generate(RouterFixture::Request(2)).status.ok());
  EXPECT_EQ(a->calls(), 0);
  EXPECT_TRUE(a->Await([](const FakeWorker& each) { return each.commands().back().has_drain(); }));
  v1::UndrainRequest undrain;
  undrain.set_worker_id("a");
  v1::UndrainResponse undrained;
  ASSERT_TRUE(fixture.admin().Undrain(&undrain_context, undrain, &undrained).ok());
  for (int i = 0; i < 40 && a->calls() == 0; ++i) fixture.Generate(RouterFixture::Request(2));
  EXPECT_GT(a->calls(), 0);
  drain.set_worker_id("z");
  const absl::Status unknown = FromGrpc(fixture.admin().Drain(&unknown_context, drain, &drained));
  EXPECT_EQ(ReasonOf(unknown), v1::ERROR_REASON_UNKNOWN_WORKER);
}

TEST(RouterTest, ARemovedWorkersRequestsMove) {
  RouterFixture fixture;
  const auto silent = fixture.AddWorker("silent", SilentScript);
  GeneratedStream stream;
  std::thread client([&] { stream = fixture.Generate(RouterFixture::Request(9)); });
  EXPECT_TRUE(silent->Await([](const FakeWorker& each) { return each.running() == 1; }));
  const auto good = fixture.AddWorker("good");
  v1::RemoveRequest remove;
  remove.set_worker_id("silent");
  v1::RemoveResponse removed;
  grpc::ClientContext context;
  ASSERT_TRUE(fixture.admin().Remove(&context, remove, &removed).ok());
  EXPECT_EQ(removed.moved(), 1u);
  client.join();
  EXPECT_EQ(stream.text, FakeText(1, 0, 9));
}

TEST(RouterTest, ALaterIncarnationTakesAWorkersPlace) {
  RouterFixture fixture;
  const auto first = fixture.AddWorker("w0", UsualScript, {.incarnation = 5});
  const auto second = fixture.AddWorker("w0", UsualScript, {.incarnation = 6});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(fixture.Generate(RouterFixture::Request(2)).status.ok());
  EXPECT_EQ(first->calls(), 0);
  EXPECT_EQ(second->calls(), 5);
  const auto stale = fixture.AddWorker("w0", UsualScript, {.incarnation = 4});
  EXPECT_TRUE(stale->commands().empty()) << "it is not taken in";
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_worker_lost_total{cause=\"replaced\"} 1"));
}

TEST(RouterTest, AKilledWorkerIsNoticedWithin100Milliseconds) {
  RouterFixture fixture;
  auto worker = fixture.AddWorker("w0");
  Watch watch(fixture, "");
  EXPECT_EQ(watch.Next(), HealthCheckResponse::SERVING);
  const absl::Time killed = absl::Now();
  worker->Detach();
  EXPECT_EQ(watch.Next(), HealthCheckResponse::NOT_SERVING);
  EXPECT_LT(absl::Now() - killed, absl::Milliseconds(100));
}

TEST(RouterTest, StaticWorkersNeedNoLease) {
  auto worker = std::make_unique<FakeWorker>(FakeWorkerOptions{});
  const std::string address = worker->address();
  RouterConfig config;
  config.workers = {address};
  RouterFixture fixture(config);
  EXPECT_EQ(fixture.Generate(RouterFixture::Request(4)).text, FakeText(1, 0, 4));
  worker->SetServing(false);
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_workers{state=\"draining\"} 1"));
  worker->SetServing(true);
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_workers{state=\"ready\"} 1"));
  worker.reset();
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_worker_lost_total{cause=\"health\"} 1"));
  worker = std::make_unique<FakeWorker>(FakeWorkerOptions{.listen = address});
  EXPECT_EQ(fixture.Generate(RouterFixture::Request(4)).text, FakeText(1, 0, 4)) << "it came back";
}

TEST(RouterTest, DrainFinishesWhatRunsAndRefusesTheRest) {
  RouterFixture fixture;
  absl::Notification go_on;
  const auto worker = fixture.AddWorker("w0", [&](FakeStream& stream) {
    stream.Start();
    go_on.WaitForNotification();
    stream.Tokens(stream.max_tokens());
    stream.Finish();
    return grpc::Status::OK;
  });
  GeneratedStream running;
  std::thread client([&] { running = fixture.Generate(RouterFixture::Request(6)); });
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.running() == 1; }));
  Watch watch(fixture, "");
  EXPECT_EQ(watch.Next(), HealthCheckResponse::SERVING);
  std::thread drain([&] { fixture.router().Drain(); });
  EXPECT_EQ(watch.Next(), HealthCheckResponse::NOT_SERVING);
  absl::Status refused;
  EXPECT_TRUE(Eventually([&] {
    refused = fixture.Generate(RouterFixture::Request(6), absl::Milliseconds(200)).status;
    return ReasonOf(refused) == v1::ERROR_REASON_DRAINING;
  })) << refused;
  go_on.Notify();
  client.join();
  drain.join();
  EXPECT_EQ(running.text, FakeText(1, 0, 6));
}

TEST(RouterTest, DrainCancelsWhatIsLeftAtItsLimit) {
  RouterConfig config;
  config.drain_limit = absl::Milliseconds(100);
  auto fixture = std::make_unique<RouterFixture>(config);
  const auto worker = fixture->AddWorker("w0", SilentScript);
  GeneratedStream stream;
  std::thread client([&] { stream = fixture->Generate(RouterFixture::Request(6)); });
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.running() == 1; }));
  fixture->router().Drain();
  client.join();
  EXPECT_TRUE(absl::IsUnavailable(stream.status)) << stream.status;
  EXPECT_EQ(ReasonOf(stream.status), v1::ERROR_REASON_DRAINING);
  EXPECT_TRUE(RetryDelayOf(stream.status).has_value());
}

TEST(RouterTest, ReloadsLimitsAndWorkers) {
  const FakeWorker a(FakeWorkerOptions{}), b(FakeWorkerOptions{});
  RouterConfig config;
  config.workers = {a.address()};
  config.worker_wait = absl::Milliseconds(200);
  RouterFixture fixture(config);
  EXPECT_TRUE(fixture.Generate(RouterFixture::Request(4)).status.ok());
  config.workers = {b.address()};
  fixture.router().Reload(config);
  EXPECT_TRUE(Eventually([&] { return fixture.router().registry().Find(b.address()).ok(); }));
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_workers{state=\"ready\"} 1"));
  EXPECT_TRUE(fixture.Generate(RouterFixture::Request(4)).status.ok());
  EXPECT_EQ(b.calls(), 1);
  config.workers = {};
  config.worker_wait = absl::Milliseconds(7);
  fixture.router().Reload(config);
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_workers{state=\"ready\"} 0"));
  const absl::Status none = fixture.Generate(RouterFixture::Request(4)).status;
  EXPECT_NE(none.message().find("within the limit of 7ms"), absl::string_view::npos) << none;
}

TEST(RouterTest, RefusesAPublicAddressWithoutTls) {
  RouterConfig config;
  config.listen = "0.0.0.0:0";
  config.admin_listen = "127.0.0.1:0";
  config.metrics_listen = "";
  EXPECT_TRUE(absl::IsFailedPrecondition(Router::Start(config).status()));
  config.insecure = true;
  EXPECT_TRUE(Router::Start(config).ok());
}

}  // namespace
}  // namespace hekla::service
