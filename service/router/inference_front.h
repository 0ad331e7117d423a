// hekla.v1.Inference as the router serves it: generations are relayed, text calls forwarded to a worker,
// models answered from what the workers said of themselves.
#ifndef HEKLA_SERVICE_ROUTER_INFERENCE_FRONT_H_
#define HEKLA_SERVICE_ROUTER_INFERENCE_FRONT_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "hekla/v1/inference.grpc.pb.h"
#include "service/router/generate_relay.h"
#include "service/runtime/auth.h"

namespace hekla::service {

// Thread-safe. Must outlive its server.
class InferenceFront final : public v1::Inference::CallbackService {
 public:
  InferenceFront(const RelayEnvironment& environment, const Authenticator* authenticator)
      : environment_(environment), authenticator_(authenticator) {}

  grpc::ServerWriteReactor<v1::GenerateResponse>* Generate(grpc::CallbackServerContext* context,
                                                           const v1::GenerateRequest* request) override;
  grpc::ServerWriteReactor<v1::BatchGenerateResponse>* BatchGenerate(
      grpc::CallbackServerContext* context, const v1::BatchGenerateRequest* request) override;
  grpc::ServerUnaryReactor* Tokenize(grpc::CallbackServerContext* context, const v1::TokenizeRequest* request,
                                     v1::TokenizeResponse* response) override;
  grpc::ServerUnaryReactor* Detokenize(grpc::CallbackServerContext* context,
                                       const v1::DetokenizeRequest* request,
                                       v1::DetokenizeResponse* response) override;
  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context,
                                       const v1::ListModelsRequest* request,
                                       v1::ListModelsResponse* response) override;
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context, const v1::GetModelRequest* request,
                                     v1::Model* response) override;

 private:
  // Who calls; every method begins with it. UNAUTHENTICATED, counted among the rejections.
  absl::StatusOr<Caller> Identify(const grpc::CallbackServerContext& context, absl::string_view method) const;
  // A call that has its answer.
  grpc::ServerUnaryReactor* Answer(const absl::Status& status) const;

  const RelayEnvironment environment_;
  const Authenticator* const authenticator_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_INFERENCE_FRONT_H_
