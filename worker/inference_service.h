// hekla.v1.Inference on a worker: one model, one engine. With the streams and the request reader the only
// place where protobuf meets the engine.
//
// Two bounded thread crossings: gRPC's thread to the engine's mailbox (Submit), the engine's thread to a
// TokenQueue; texts are made and written on the WriteLoop and gRPC's threads. Thread rule: any thread.
// Lifetime: the engine and the tokenizer outlive it; it outlives the gRPC server.
#ifndef HEKLA_WORKER_INFERENCE_SERVICE_H_
#define HEKLA_WORKER_INFERENCE_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <string>

#include "hekla/v1/dispatch.grpc.pb.h"
#include "hekla/v1/inference.grpc.pb.h"
#include "worker/running_request.h"

namespace hekla::worker {

class InferenceService : public v1::Inference::CallbackService {
 public:
  InferenceService(ServedModel model, engine::EngineInterface* engine, StreamLimits limits = {},
                   service::Authenticator authenticator = {});
  ~InferenceService() override;

  grpc::ServerWriteReactor<v1::GenerateResponse>* Generate(grpc::CallbackServerContext* call,
                                                           const v1::GenerateRequest* request) override;
  grpc::ServerWriteReactor<v1::BatchGenerateResponse>* BatchGenerate(
      grpc::CallbackServerContext* call, const v1::BatchGenerateRequest* request) override;
  grpc::ServerUnaryReactor* Tokenize(grpc::CallbackServerContext* call, const v1::TokenizeRequest* request,
                                     v1::TokenizeResponse* response) override;
  grpc::ServerUnaryReactor* Detokenize(grpc::CallbackServerContext* call,
                                       const v1::DetokenizeRequest* request,
                                       v1::DetokenizeResponse* response) override;
  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* call,
                                       const v1::ListModelsRequest* request,
                                       v1::ListModelsResponse* response) override;
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* call, const v1::GetModelRequest* request,
                                     v1::Model* response) override;

  // New requests are refused with UNAVAILABLE DRAINING, those in flight go on; after `limit` they end with
  // the same.
  void Drain(std::optional<absl::Duration> limit);
  void Undrain();
  bool draining() const { return context_.draining; }

  // The same engine and requests for routers, to be registered beside this.
  grpc::Service& dispatch() { return dispatch_; }

  Inflight& inflight() { return inflight_; }
  const service::OpenCalls& calls() const { return calls_; }  // generations, until gRPC has sent their last
  const v1::Model& model() const { return context_.model.description; }
  engine::EngineInterface& engine() { return *context_.engine; }

 private:
  absl::Status CheckAndTokenize(const v1::TokenizeRequest& request, v1::TokenizeResponse* response) const;
  absl::Status CheckAndDetokenize(const v1::DetokenizeRequest& request,
                                  v1::DetokenizeResponse* response) const;

  class DrainLimit;
  class DispatchService final : public v1::Dispatch::CallbackService {
   public:
    explicit DispatchService(InferenceService* service) : service_(service) {}
    grpc::ServerBidiReactor<v1::DispatchCommands, v1::DispatchEvents>* Exchange(
        grpc::CallbackServerContext* call) override;

   private:
    InferenceService* const service_;
  };

  Inflight inflight_;
  service::OpenCalls calls_;
  absl::Mutex drain_mutex_;
  std::shared_ptr<DrainLimit> drain_limit_ ABSL_GUARDED_BY(drain_mutex_);  // null = none
  ServiceContext context_;
  DispatchService dispatch_{this};
  WriteLoop loop_;  // joined first
};

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_INFERENCE_SERVICE_H_
