#include "worker/inference_service.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "service/runtime/status.h"
#include "worker/base/status_macros.h"
#include "worker/batch_stream.h"
#include "worker/exchange.h"
#include "worker/generate_stream.h"
#include "worker/grpc_call.h"
#include "worker/load_report.h"
#include "worker/text/utf8.h"

namespace hekla::worker {
namespace {

grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* call, const absl::Status& status) {
  grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
  reactor->Finish(service::ToGrpc(status));
  return reactor;
}

}  // namespace

InferenceService::InferenceService(ServedModel model, engine::EngineInterface* engine, StreamLimits limits,
                                   service::Authenticator authenticator) {
  context_.model = std::move(model);
  context_.engine = engine;
  context_.loop = &loop_;
  context_.inflight = &inflight_;
  context_.calls = &calls_;
  context_.limits = limits;
  context_.authenticator = std::move(authenticator);
}

InferenceService::~InferenceService() = default;

// Ends what still runs when a drain's limit has come.
class InferenceService::DrainLimit : public WriteTask {
 public:
  DrainLimit(Inflight* inflight, absl::Duration limit) : inflight_(inflight), limit_(limit) {}
  void Pump() override {
    inflight_->AbortAll(service::MakeError(
        absl::StatusCode::kUnavailable, v1::ERROR_REASON_DRAINING,
        absl::StrCat("the worker drained and its limit of ", absl::FormatDuration(limit_), " is over")));
  }

 private:
  Inflight* const inflight_;
  const absl::Duration limit_;
};

void InferenceService::Drain(std::optional<absl::Duration> limit) {
  context_.draining = true;
  if (!limit.has_value()) return;
  absl::MutexLock lock(&drain_mutex_);
  drain_limit_ = std::make_shared<DrainLimit>(&inflight_, *limit);
  loop_.PostAt(absl::Now() + *limit, drain_limit_);
}

void InferenceService::Undrain() {
  context_.draining = false;
  absl::MutexLock lock(&drain_mutex_);
  drain_limit_.reset();  // its timer finds nothing
}

grpc::ServerWriteReactor<v1::GenerateResponse>* InferenceService::Generate(
    grpc::CallbackServerContext* call, const v1::GenerateRequest* request) {
  return new GrpcCall<v1::GenerateResponse>(
      std::make_shared<GenerateStream>(&context_, OriginOf(context_, *call), request), call);
}

grpc::ServerWriteReactor<v1::BatchGenerateResponse>* InferenceService::BatchGenerate(
    grpc::CallbackServerContext* call, const v1::BatchGenerateRequest* request) {
  return new GrpcCall<v1::BatchGenerateResponse>(
      std::make_shared<BatchStream>(&context_, OriginOf(context_, *call), request), call);
}

grpc::ServerBidiReactor<v1::DispatchCommands, v1::DispatchEvents>* InferenceService::DispatchService::Exchange(
    grpc::CallbackServerContext* call) {
  // Each exchange its own moving averages.
  auto read_load = [service = service_, reporter = std::make_shared<LoadReporter>()] {
    return reporter->Read(service->engine().Status(), service->draining());
  };
  return worker::Exchange::Launch(&service_->context_, std::move(read_load), call);
}

absl::Status InferenceService::CheckAndTokenize(const v1::TokenizeRequest& request,
                                                v1::TokenizeResponse* response) const {
  HEKLA_RETURN_IF_ERROR(CheckModelName(request.model(), context_.model));
  HEKLA_RETURN_IF_ERROR(service::CheckTextBytes("text", static_cast<int64_t>(request.text().size()),
                                                context_.limits.max_prompt_bytes));
  text::EncodeOptions options;
  options.add_special = !request.has_add_special() || request.add_special();
  options.parse_special = !request.has_parse_special() || request.parse_special();
  for (text::TokenId id : context_.model.tokenizer->Encode(request.text(), options)) {
    response->add_token_ids(id);
    if (request.with_pieces()) response->add_pieces(context_.model.tokenizer->Piece(id, true));
  }
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* InferenceService::Tokenize(grpc::CallbackServerContext* call,
                                                     const v1::TokenizeRequest* request,
                                                     v1::TokenizeResponse* response) {
  const absl::Status caller = context_.CheckCaller(*call);
  return Answer(call, caller.ok() ? CheckAndTokenize(*request, response) : caller);
}

absl::Status InferenceService::CheckAndDetokenize(const v1::DetokenizeRequest& request,
                                                  v1::DetokenizeResponse* response) const {
  HEKLA_RETURN_IF_ERROR(CheckModelName(request.model(), context_.model));
  const uint32_t size = context_.model.description.vocabulary_size();
  for (int i = 0; i < request.token_ids_size(); ++i) {
    if (request.token_ids(i) < size) continue;
    return service::InvalidField(
        absl::StrCat("token_ids[", i, "]"),
        absl::StrCat(request.token_ids(i), " is outside the vocabulary of ", size, " tokens"));
  }
  const std::vector<text::TokenId> ids(request.token_ids().begin(), request.token_ids().end());
  response->set_raw(context_.model.tokenizer->Decode(ids, request.special()));
  response->set_text(text::RepairUtf8(response->raw()));
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* InferenceService::Detokenize(grpc::CallbackServerContext* call,
                                                       const v1::DetokenizeRequest* request,
                                                       v1::DetokenizeResponse* response) {
  const absl::Status caller = context_.CheckCaller(*call);
  return Answer(call, caller.ok() ? CheckAndDetokenize(*request, response) : caller);
}

grpc::ServerUnaryReactor* InferenceService::ListModels(grpc::CallbackServerContext* call,
                                                       const v1::ListModelsRequest*,
                                                       v1::ListModelsResponse* response) {
  const absl::StatusOr<std::shared_ptr<const service::Grant>> grant = context_.authenticator.Check(*call);
  if (grant.ok() && (*grant)->MayUse(model().name())) *response->add_models() = model();
  return Answer(call, grant.status());
}

grpc::ServerUnaryReactor* InferenceService::GetModel(grpc::CallbackServerContext* call,
                                                     const v1::GetModelRequest* request,
                                                     v1::Model* response) {
  absl::Status status = context_.CheckCaller(*call);
  if (status.ok()) status = CheckModelName(request->model(), context_.model);
  if (status.ok()) *response = model();
  return Answer(call, status);
}

}  // namespace hekla::worker
