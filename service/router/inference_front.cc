#include "service/router/inference_front.h"

#include <utility>

#include "service/router/batch_call.h"
#include "service/router/generate_call.h"
#include "service/router/unary_forward.h"
#include "service/runtime/status.h"

namespace hekla::service {
namespace {

// A stream that ends at once.
template <typename Response>
class RefusedCall final : public grpc::ServerWriteReactor<Response> {
 public:
  explicit RefusedCall(const absl::Status& status) { this->Finish(ToGrpc(status)); }
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerWriteReactor<v1::GenerateResponse>* InferenceFront::Generate(grpc::CallbackServerContext* context,
                                                                         const v1::GenerateRequest* request) {
  if (absl::Status status = authenticator_->Check(*context); !status.ok()) {
    return new RefusedCall<v1::GenerateResponse>(status);
  }
  return new GenerateCall(environment_, context, *request);
}

grpc::ServerWriteReactor<v1::BatchGenerateResponse>* InferenceFront::BatchGenerate(
    grpc::CallbackServerContext* context, const v1::BatchGenerateRequest* request) {
  if (absl::Status status = authenticator_->Check(*context); !status.ok()) {
    return new RefusedCall<v1::BatchGenerateResponse>(status);
  }
  return new BatchCall(environment_, context, *request);
}

grpc::ServerUnaryReactor* InferenceFront::Tokenize(grpc::CallbackServerContext* context,
                                                   const v1::TokenizeRequest* request,
                                                   v1::TokenizeResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (absl::Status status = authenticator_->Check(*context); !status.ok()) {
    reactor->Finish(ToGrpc(status));
    return reactor;
  }
  UnaryForward<v1::TokenizeRequest, v1::TokenizeResponse>::Start(
      *environment_.registry, DeadlineOf(*context), *request, response, reactor,
      [](v1::Inference::Stub& stub, grpc::ClientContext* call, const v1::TokenizeRequest* in,
         v1::TokenizeResponse* out,
         std::function<void(grpc::Status)> done) { stub.async()->Tokenize(call, in, out, std::move(done)); });
  return reactor;
}

grpc::ServerUnaryReactor* InferenceFront::Detokenize(grpc::CallbackServerContext* context,
                                                     const v1::DetokenizeRequest* request,
                                                     v1::DetokenizeResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (absl::Status status = authenticator_->Check(*context); !status.ok()) {
    reactor->Finish(ToGrpc(status));
    return reactor;
  }
  UnaryForward<v1::DetokenizeRequest, v1::DetokenizeResponse>::Start(
      *environment_.registry, DeadlineOf(*context), *request, response, reactor,
      [](v1::Inference::Stub& stub, grpc::ClientContext* call, const v1::DetokenizeRequest* in,
         v1::DetokenizeResponse* out, std::function<void(grpc::Status)> done) {
        stub.async()->Detokenize(call, in, out, std::move(done));
      });
  return reactor;
}

grpc::ServerUnaryReactor* InferenceFront::ListModels(grpc::CallbackServerContext* context,
                                                     const v1::ListModelsRequest*,
                                                     v1::ListModelsResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::Status status = authenticator_->Check(*context);
  if (status.ok()) {
    for (v1::Model& model : environment_.registry->Models()) *response->add_models() = std::move(model);
  }
  reactor->Finish(ToGrpc(status));
  return reactor;
}

grpc::ServerUnaryReactor* InferenceFront::GetModel(grpc::CallbackServerContext* context,
                                                   const v1::GetModelRequest* request, v1::Model* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::Status status = authenticator_->Check(*context);
  if (status.ok()) status = environment_.registry->FindModel(request->model(), response);
  reactor->Finish(ToGrpc(status));
  return reactor;
}

}  // namespace hekla::service
