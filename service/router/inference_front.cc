#include "service/router/inference_front.h"

#include <utility>

#include "service/router/batch_call.h"
#include "service/router/generate_call.h"
#include "service/router/model_access.h"
#include "service/router/unary_forward.h"
#include "service/runtime/log.h"
#include "service/runtime/prompt_limit.h"
#include "service/runtime/status.h"

namespace hekla::service {
namespace {

// A stream that ends at once.
template <typename Response>
class RefusedCall final : public grpc::ServerWriteReactor<Response> {
 public:
  RefusedCall(OpenCalls* calls, const absl::Status& status) : place_(calls) { this->Finish(ToGrpc(status)); }
  void OnDone() override { delete this; }

 private:
  const OpenCalls::Place place_;
};

class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  explicit UnaryCall(OpenCalls* calls) : place_(calls) {}
  void OnDone() override { delete this; }

 private:
  const OpenCalls::Place place_;
};

}  // namespace

absl::StatusOr<Caller> InferenceFront::Identify(const grpc::CallbackServerContext& context,
                                                absl::string_view method) const {
  Caller caller;
  caller.trace = TraceOf(context);
  absl::StatusOr<std::shared_ptr<const Grant>> grant = authenticator_->Check(context);
  if (!grant.ok()) {
    environment_.metrics->Rejected("other", grant.status());
    // Anyone can bring this about, as often as they like: counted, and told to those who look for it.
    Log(LogLevel::kDebug, "caller_refused",
        {{"method", method},
         {"peer", context.peer()},
         {"trace", caller.trace.trace_id},
         {"error", grant.status().message()}});
    return grant.status();
  }
  caller.grant = *std::move(grant);
  return caller;
}

grpc::ServerUnaryReactor* InferenceFront::Answer(const absl::Status& status) const {
  auto* call = new UnaryCall(environment_.calls);
  call->Finish(ToGrpc(status));
  return call;
}

grpc::ServerWriteReactor<v1::GenerateResponse>* InferenceFront::Generate(grpc::CallbackServerContext* context,
                                                                         const v1::GenerateRequest* request) {
  const absl::StatusOr<Caller> caller = Identify(*context, "Generate");
  if (!caller.ok()) return new RefusedCall<v1::GenerateResponse>(environment_.calls, caller.status());
  return new GenerateCall(environment_, context, *request, *caller);
}

grpc::ServerWriteReactor<v1::BatchGenerateResponse>* InferenceFront::BatchGenerate(
    grpc::CallbackServerContext* context, const v1::BatchGenerateRequest* request) {
  const absl::StatusOr<Caller> caller = Identify(*context, "BatchGenerate");
  if (!caller.ok()) return new RefusedCall<v1::BatchGenerateResponse>(environment_.calls, caller.status());
  return new BatchCall(environment_, context, *request, *caller);
}

grpc::ServerUnaryReactor* InferenceFront::Tokenize(grpc::CallbackServerContext* context,
                                                   const v1::TokenizeRequest* request,
                                                   v1::TokenizeResponse* response) {
  const absl::StatusOr<Caller> caller = Identify(*context, "Tokenize");
  if (!caller.ok()) return Answer(caller.status());
  const absl::Status length =
      CheckTextBytes("text", static_cast<int64_t>(request->text().size()), environment_.max_prompt_bytes);
  if (!length.ok()) return Answer(length);
  grpc::ServerUnaryReactor* reactor = new UnaryCall(environment_.calls);
  UnaryForward<v1::TokenizeRequest, v1::TokenizeResponse>::Start(
      *environment_.registry, DeadlineOf(*context), *caller, *request, response, reactor,
      [](v1::Inference::Stub& stub, grpc::ClientContext* call, const v1::TokenizeRequest* in,
         v1::TokenizeResponse* out,
         std::function<void(grpc::Status)> done) { stub.async()->Tokenize(call, in, out, std::move(done)); });
  return reactor;
}

grpc::ServerUnaryReactor* InferenceFront::Detokenize(grpc::CallbackServerContext* context,
                                                     const v1::DetokenizeRequest* request,
                                                     v1::DetokenizeResponse* response) {
  const absl::StatusOr<Caller> caller = Identify(*context, "Detokenize");
  if (!caller.ok()) return Answer(caller.status());
  grpc::ServerUnaryReactor* reactor = new UnaryCall(environment_.calls);
  UnaryForward<v1::DetokenizeRequest, v1::DetokenizeResponse>::Start(
      *environment_.registry, DeadlineOf(*context), *caller, *request, response, reactor,
      [](v1::Inference::Stub& stub, grpc::ClientContext* call, const v1::DetokenizeRequest* in,
         v1::DetokenizeResponse* out, std::function<void(grpc::Status)> done) {
        stub.async()->Detokenize(call, in, out, std::move(done));
      });
  return reactor;
}

grpc::ServerUnaryReactor* InferenceFront::ListModels(grpc::CallbackServerContext* context,
                                                     const v1::ListModelsRequest*,
                                                     v1::ListModelsResponse* response) {
  const absl::StatusOr<Caller> caller = Identify(*context, "ListModels");
  if (!caller.ok()) return Answer(caller.status());
  for (v1::Model& model : AllowedModels(*environment_.registry, *caller->grant)) {
    *response->add_models() = std::move(model);
  }
  return Answer(absl::OkStatus());
}

grpc::ServerUnaryReactor* InferenceFront::GetModel(grpc::CallbackServerContext* context,
                                                   const v1::GetModelRequest* request, v1::Model* response) {
  const absl::StatusOr<Caller> caller = Identify(*context, "GetModel");
  if (!caller.ok()) return Answer(caller.status());
  const absl::StatusOr<std::string> name =
      ResolveAllowedModel(*environment_.registry, *caller->grant, request->model());
  if (!name.ok()) return Answer(name.status());
  return Answer(environment_.registry->FindModel(*name, response));
}

}  // namespace hekla::service
