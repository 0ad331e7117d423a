#include "worker/inference_service.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "service/runtime/status.h"
#include "worker/base/status_macros.h"
#include "worker/batch_reactor.h"
#include "worker/generate_reactor.h"
#include "worker/text/utf8.h"

namespace hekla::worker {
namespace {

grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* call, const absl::Status& status) {
  grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
  reactor->Finish(service::ToGrpc(status));
  return reactor;
}

}  // namespace

InferenceService::InferenceService(ServedModel model, engine::EngineInterface* engine, StreamLimits limits) {
  context_.model = std::move(model);
  context_.engine = engine;
  context_.loop = &loop_;
  context_.inflight = &inflight_;
  context_.limits = limits;
}

grpc::ServerWriteReactor<v1::GenerateResponse>* InferenceService::Generate(
    grpc::CallbackServerContext* call, const v1::GenerateRequest* request) {
  return GenerateReactor::Launch(std::make_shared<GenerateReactor>(&context_, call, request));
}

grpc::ServerWriteReactor<v1::BatchGenerateResponse>* InferenceService::BatchGenerate(
    grpc::CallbackServerContext* call, const v1::BatchGenerateRequest* request) {
  return BatchReactor::Launch(std::make_shared<BatchReactor>(&context_, call, request));
}

absl::Status InferenceService::CheckAndTokenize(const v1::TokenizeRequest& request,
                                                v1::TokenizeResponse* response) const {
  HEKLA_RETURN_IF_ERROR(CheckModelName(request.model(), context_.model));
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
  return Answer(call, CheckAndTokenize(*request, response));
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
  return Answer(call, CheckAndDetokenize(*request, response));
}

grpc::ServerUnaryReactor* InferenceService::ListModels(grpc::CallbackServerContext* call,
                                                       const v1::ListModelsRequest*,
                                                       v1::ListModelsResponse* response) {
  *response->add_models() = model();
  return Answer(call, absl::OkStatus());
}

grpc::ServerUnaryReactor* InferenceService::GetModel(grpc::CallbackServerContext* call,
                                                     const v1::GetModelRequest* request,
                                                     v1::Model* response) {
  const absl::Status status = CheckModelName(request->model(), context_.model);
  if (status.ok()) *response = model();
  return Answer(call, status);
}

}  // namespace hekla::worker
