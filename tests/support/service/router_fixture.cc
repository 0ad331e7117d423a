#include "tests/support/service/router_fixture.h"

#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "service/runtime/channel.h"
#include "service/runtime/status.h"
#include "worker/base/check.h"

namespace hekla::service {

grpc::Status SilentScript(FakeStream& stream) {
  stream.Start();
  Eventually([&] { return stream.cancelled(); });
  return grpc::Status::CANCELLED;
}

FakeScript BreakAfter(uint32_t tokens, grpc::StatusCode code) {
  return [tokens, code](FakeStream& stream) {
    stream.Start();
    stream.Tokens(tokens);
    return grpc::Status(code, "broken on purpose");
  };
}

void ExpectWhole(const GeneratedStream& stream, uint32_t tokens, uint64_t seed) {
  EXPECT_TRUE(stream.status.ok()) << stream.status;
  EXPECT_TRUE(stream.offsets_ok);
  EXPECT_EQ(stream.text, FakeText(seed, 0, tokens));
  EXPECT_EQ(stream.ids.size(), tokens);
  EXPECT_EQ(stream.finished.reason(), v1::FINISH_REASON_MAX_TOKENS);
}

RouterFixture::RouterFixture(RouterConfig config) {
  config.listen = config.admin_listen = config.metrics_listen = "127.0.0.1:0";
  config.metrics_listen = "";
  auto router = Router::Start(config);
  HEKLA_CHECK(router.ok(), std::string(router.status().message()).c_str());
  router_ = *std::move(router);
  ChannelOptions options;
  options.address = address();
  channel_ = *OpenChannel(options);
  stub_ = v1::Inference::NewStub(std::shared_ptr<grpc::ChannelInterface>(channel_));
  options.address = admin_address();
  admin_ = v1::Admin::NewStub(*OpenChannel(options));
}

std::string RouterFixture::address() const { return absl::StrCat("127.0.0.1:", router_->port()); }
std::string RouterFixture::admin_address() const { return absl::StrCat("127.0.0.1:", router_->admin_port()); }

std::unique_ptr<FakeWorker> RouterFixture::AddWorker(const std::string& id, FakeScript script,
                                                     FakeWorkerOptions options) {
  options.id = id;
  options.script = std::move(script);
  options.router_admin_port = router_->admin_port();
  return std::make_unique<FakeWorker>(std::move(options));
}

v1::GenerateRequest RouterFixture::Request(uint32_t tokens, uint64_t seed) {
  v1::GenerateRequest request;
  request.set_text("prompt");
  request.mutable_stop()->set_max_tokens(tokens);
  request.mutable_sampling()->set_seed(seed);
  return request;
}

GeneratedStream RouterFixture::Generate(const v1::GenerateRequest& request, absl::Duration timeout) {
  GeneratedStream result;
  grpc::ClientContext context;
  if (timeout != absl::InfiniteDuration()) context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  const auto stream = stub_->Generate(&context, request);
  v1::GenerateResponse response;
  uint32_t expected = static_cast<uint32_t>(request.resume_token_ids_size());
  while (stream->Read(&response)) {
    if (response.has_started()) result.started = response.started();
    if (response.has_finished()) result.finished = response.finished();
    if (response.has_keepalive()) result.keepalives.push_back(response.keepalive());
    if (response.has_prompt()) {
      result.prompts.push_back(response.prompt());
      result.prompts_in_place &= !result.started.request_id().empty() && result.deltas == 0;
    }
    if (!response.has_delta()) continue;
    const v1::Delta& delta = response.delta();
    ++result.deltas;
    result.offsets_ok &= delta.token_offset() == expected;
    expected = delta.token_offset() + delta.token_count();
    result.text += delta.text();
    result.ids.insert(result.ids.end(), delta.token_ids().begin(), delta.token_ids().end());
  }
  result.status = FromGrpc(stream->Finish());
  return result;
}

bool RouterFixture::IsServing(const std::string& service) const {
  grpc::ClientContext context;
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(service);
  grpc::health::v1::HealthCheckResponse response;
  const auto stub = grpc::health::v1::Health::NewStub(std::shared_ptr<grpc::ChannelInterface>(channel_));
  return stub->Check(&context, request, &response).ok() &&
         response.status() == grpc::health::v1::HealthCheckResponse::SERVING;
}

bool RouterFixture::AwaitMetric(const std::string& line) const {
  return Eventually([&] { return absl::StrContains(router_->metrics().Text(), line); });
}

}  // namespace hekla::service
