#include "tests/support/engine_fake/service_fixture.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "service/runtime/status.h"
#include "tests/support/engine_fake/byte_vocabulary.h"
#include "worker/base/check.h"
#include "worker/text/utf8.h"

namespace hekla::worker {

std::string Outcome::text() const {
  std::string all;
  for (const v1::Delta& delta : deltas) all += delta.text();
  return all;
}

std::vector<uint32_t> Outcome::ids() const {
  std::vector<uint32_t> all;
  for (const v1::Delta& delta : deltas)
    all.insert(all.end(), delta.token_ids().begin(), delta.token_ids().end());
  return all;
}

ServedModel MakeByteModel(const text::Tokenizer& tokenizer, const engine::Limits& limits, int max_queue) {
  ServedModel model;
  DescribeVocabulary(tokenizer, &model);
  model.description.set_name("bytes");
  model.description.set_family("fake");
  model.description.set_weights_hash("fake-weights");
  model.description.mutable_limits()->set_max_context(limits.max_context);
  model.description.mutable_limits()->set_max_sequences(limits.max_sequences);
  model.description.mutable_limits()->set_max_queue(max_queue);
  model.description.mutable_limits()->set_kv_tokens(static_cast<uint64_t>(limits.kv_blocks) *
                                                    schedule::kBlockTokens);
  return model;
}

v1::GenerateRequest TextRequest(const std::string& text, int max_tokens) {
  v1::GenerateRequest request;
  request.set_text(text);
  request.mutable_stop()->set_max_tokens(max_tokens);
  return request;
}

ServiceFixture::ServiceFixture(engine::FakeEngineOptions engine_options, StreamLimits limits,
                               service::Authenticator authenticator)
    : tokenizer_(text::MakeByteTokenizer()), engine_(std::make_unique<engine::FakeEngine>(engine_options)) {
  service_ = std::make_unique<InferenceService>(
      MakeByteModel(*tokenizer_, engine_->Status().limits, engine_options.max_waiting), engine_.get(),
      limits, std::move(authenticator));
  service::ServerOptions options;
  options.services = {service_.get(), &service_->dispatch()};
  auto server = service::GrpcServer::Start(options);
  HEKLA_CHECK(server.ok(), "the server starts");
  server_ = *std::move(server);
  stub_ = NewStub();
}

ServiceFixture::~ServiceFixture() { server_->Shutdown(absl::ZeroDuration()); }

std::string ServiceFixture::address() const { return absl::StrCat("127.0.0.1:", server_->port()); }

std::unique_ptr<v1::Inference::Stub> ServiceFixture::NewStub() const {
  return v1::Inference::NewStub(NewChannel());
}

std::shared_ptr<grpc::Channel> ServiceFixture::NewChannel() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // A client that does not read has little room for what the server writes.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 16384);
  return grpc::CreateCustomChannel(address(), grpc::InsecureChannelCredentials(), arguments);
}

namespace {

void Note(Outcome* outcome, const std::string& rule) {
  if (outcome->broken_rule.empty()) outcome->broken_rule = rule;
}

void AddDelta(const v1::Delta& delta, uint32_t resumed, Outcome* outcome) {
  uint32_t expected = resumed;
  for (const v1::Delta& before : outcome->deltas) expected += before.token_count();
  if (delta.token_offset() != expected) {
    Note(outcome, absl::StrCat("a delta at offset ", delta.token_offset(), ", expected ", expected));
  }
  if (!text::IsValidUtf8(delta.text()))
    Note(outcome, absl::StrCat("a delta's text is no UTF-8, at ", expected));
  if (delta.token_count() == 0 && delta.text().empty()) Note(outcome, "an empty delta");
  outcome->deltas.push_back(delta);
}

}  // namespace

Outcome ServiceFixture::Generate(const v1::GenerateRequest& request, absl::Duration deadline) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(deadline));
  auto stream = stub_->Generate(&context, request);
  Outcome outcome;
  v1::GenerateResponse response;
  while (stream->Read(&response)) {
    if (outcome.has_finished) Note(&outcome, "a message after Finished");
    if (response.has_started()) {
      if (outcome.has_started || !outcome.deltas.empty()) Note(&outcome, "Started is not the first message");
      outcome.has_started = true;
      outcome.started = response.started();
    } else if (response.has_delta()) {
      if (!outcome.has_started) Note(&outcome, "a delta before Started");
      AddDelta(response.delta(), request.resume_token_ids_size(), &outcome);
    } else if (response.has_finished()) {
      outcome.has_finished = true;
      outcome.finished = response.finished();
    }
  }
  outcome.status = service::FromGrpc(stream->Finish());
  return outcome;
}

bool ServiceFixture::AwaitIdle() {
  return service_->inflight().AwaitEmpty(absl::Seconds(20)) && engine_->AwaitIdle(absl::Seconds(20));
}

}  // namespace hekla::worker
