// The lease against a router of a few lines, on a real gRPC server.
#include "worker/router_link.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "hekla/v1/worker.grpc.pb.h"
#include "service/runtime/grpc_server.h"
#include "service/runtime/status.h"
#include "tests/support/engine_fake/byte_vocabulary.h"
#include "tests/support/engine_fake/service_fixture.h"
#include "worker/worker_server.h"

namespace hekla::worker {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);  // a failure, not a pace

// Accepts every worker, keeps what it reports, sends what it is told to.
class FakeRouter : public v1::Attachment::Service {
 public:
  explicit FakeRouter(int port = 0) {
    service::ServerOptions options;
    options.address = absl::StrCat("127.0.0.1:", port);
    options.services = {this};
    auto server = service::GrpcServer::Start(options);
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  ~FakeRouter() override {
    End();
    server_->Shutdown(absl::ZeroDuration());
  }
  int port() const { return server_->port(); }

  grpc::Status Attach(grpc::ServerContext*,
                      grpc::ServerReaderWriter<v1::RouterCommand, v1::WorkerReport>* stream) override {
    v1::WorkerReport report;
    if (!stream->Read(&report) || !report.has_registration()) {
      return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no registration");
    }
    v1::RouterCommand command;
    command.mutable_attached()->set_router_id("fake");
    command.mutable_attached()->mutable_report_interval()->set_nanos(20'000'000);
    stream->Write(command);
    {
      absl::MutexLock lock(&mutex_);
      registrations_.push_back(report.registration());
      loads_.clear();
      stream_ = stream;
      ended_ = false;
    }
    do {
      absl::MutexLock lock(&mutex_);
      EXPECT_TRUE(loads_.empty() || !report.has_registration());
      loads_.push_back(report.load());
      if (ended_) break;
    } while (stream->Read(&report));
    absl::MutexLock lock(&mutex_);
    stream_ = nullptr;
    return grpc::Status::OK;
  }

  bool AwaitRegistrations(size_t count) {
    absl::MutexLock lock(&mutex_);
    auto reached = [this, count] { return registrations_.size() >= count; };
    return mutex_.AwaitWithTimeout(absl::Condition(&reached), kPatience);
  }
  // True once a load for which `wanted` holds has come after this call.
  template <typename Wanted>
  bool AwaitLoad(Wanted wanted) {
    absl::MutexLock lock(&mutex_);
    loads_.clear();
    auto found = [this, &wanted] {
      for (const v1::Load& load : loads_) {
        if (wanted(load)) return true;
      }
      return false;
    };
    return mutex_.AwaitWithTimeout(absl::Condition(&found), kPatience);
  }
  void Send(const v1::RouterCommand& command) {
    absl::MutexLock lock(&mutex_);
    ASSERT_NE(stream_, nullptr);
    stream_->Write(command);
  }
  // The stream ends with the next report.
  void End() {
    absl::MutexLock lock(&mutex_);
    ended_ = true;
  }
  v1::Registration registration(size_t index) {
    absl::MutexLock lock(&mutex_);
    return registrations_.at(index);
  }

 private:
  std::unique_ptr<service::GrpcServer> server_;
  absl::Mutex mutex_;
  std::vector<v1::Registration> registrations_;
  std::vector<v1::Load> loads_;
  grpc::ServerReaderWriter<v1::RouterCommand, v1::WorkerReport>* stream_ = nullptr;
  bool ended_ = false;
};

// A WorkerServer over a gated FakeEngine, attached to `ports`.
class AttachedWorker {
 public:
  explicit AttachedWorker(const std::vector<int>& ports) : tokenizer_(text::MakeByteTokenizer()) {
    engine::FakeEngineOptions options;
    options.gated = true;
    engine_ = std::make_unique<engine::FakeEngine>(options);
    WorkerConfig config;
    config.worker_id = "worker 0";  // cleaned
    for (int port : ports) config.routers.push_back(absl::StrCat("127.0.0.1:", port));
    ServedModel model = MakeByteModel(*tokenizer_, engine_->Status().limits, 64);
    auto server = WorkerServer::Start(config, std::move(model), engine_.get(), LoadSeconds());
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    stub_ =
        v1::Inference::NewStub(grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials()));
  }
  WorkerServer& server() { return *server_; }
  engine::FakeEngine& engine() { return *engine_; }
  v1::Inference::Stub& stub() { return *stub_; }

 private:
  std::unique_ptr<text::Tokenizer> tokenizer_;
  std::unique_ptr<engine::FakeEngine> engine_;
  std::unique_ptr<WorkerServer> server_;
  std::unique_ptr<v1::Inference::Stub> stub_;
};

TEST(RouterLinkTest, RegistersAndReportsItsLoad) {
  FakeRouter router;
  AttachedWorker worker({router.port()});
  ASSERT_TRUE(router.AwaitRegistrations(1));
  const v1::Registration registration = router.registration(0);
  EXPECT_EQ(registration.worker_id(), "worker-0");
  EXPECT_EQ(registration.endpoint(), worker.server().address());
  EXPECT_GT(registration.incarnation(), 0u);
  EXPECT_EQ(registration.model().name(), "bytes");
  EXPECT_EQ(registration.model().weights_hash(), "fake-weights");
  EXPECT_EQ(registration.model().limits().max_context(), 4096u);
  EXPECT_GT(registration.model().limits().kv_tokens(), 0u);
  EXPECT_TRUE(router.AwaitLoad(
      [](const v1::Load& load) { return load.running() == 0 && load.free_kv_tokens() > 0; }));
  grpc::ClientContext context;
  auto stream = worker.stub().Generate(&context, TextRequest("abc", 2));
  EXPECT_TRUE(router.AwaitLoad([](const v1::Load& load) { return load.running() == 1; }));
  worker.engine().Grant(2);
  EXPECT_TRUE(
      router.AwaitLoad([](const v1::Load& load) { return load.running() == 0 && load.steps_total() == 2; }));
  context.TryCancel();
}

TEST(RouterLinkTest, AttachesAgainAfterTheStreamEndsAndAfterARestart) {
  auto router = std::make_unique<FakeRouter>();
  const int port = router->port();
  AttachedWorker worker({port});
  ASSERT_TRUE(router->AwaitRegistrations(1));
  const uint64_t incarnation = router->registration(0).incarnation();
  router->End();
  ASSERT_TRUE(router->AwaitRegistrations(2));
  EXPECT_EQ(router->registration(1).incarnation(), incarnation);
  router.reset();
  router = std::make_unique<FakeRouter>(port);
  EXPECT_TRUE(router->AwaitRegistrations(1));
}

TEST(RouterLinkTest, HoldsALeaseWithEveryRouterAndWaitsForOneThatIsNotThere) {
  FakeRouter first;
  int absent_port = 0;
  { absent_port = FakeRouter().port(); }
  AttachedWorker worker({first.port(), absent_port});
  ASSERT_TRUE(first.AwaitRegistrations(1));
  EXPECT_FALSE(worker.server().attached_to_all());
  FakeRouter second(absent_port);
  EXPECT_TRUE(second.AwaitRegistrations(1));
}

TEST(RouterLinkTest, ObeysDrainUndrainAndCancel) {
  FakeRouter router;
  AttachedWorker worker({router.port()});
  ASSERT_TRUE(router.AwaitRegistrations(1));
  grpc::ClientContext context;
  v1::GenerateRequest request = TextRequest("abc", 1000);
  request.set_request_id("doomed");
  auto stream = worker.stub().Generate(&context, request);
  ASSERT_TRUE(worker.engine().AwaitSubmitted(1, kPatience));

  v1::RouterCommand command;
  command.mutable_drain();
  router.Send(command);
  ASSERT_TRUE(router.AwaitLoad([](const v1::Load& load) { return load.draining(); }));
  {
    grpc::ClientContext refused;
    auto second = worker.stub().Generate(&refused, TextRequest("abc", 1));
    v1::GenerateResponse response;
    EXPECT_FALSE(second->Read(&response));
    EXPECT_EQ(service::ReasonOf(service::FromGrpc(second->Finish())), v1::ERROR_REASON_DRAINING);
  }
  command.mutable_undrain();
  router.Send(command);
  ASSERT_TRUE(router.AwaitLoad([](const v1::Load& load) { return !load.draining(); }));

  command.mutable_cancel()->set_request_id("doomed");
  router.Send(command);
  v1::GenerateResponse response;
  while (stream->Read(&response)) {
  }
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(worker.engine().AwaitIdle(kPatience));
}

}  // namespace
}  // namespace hekla::worker
