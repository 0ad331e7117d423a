// A stream of responses as a gRPC call of its own, as clients of a worker have it.
#ifndef HEKLA_WORKER_GRPC_CALL_H_
#define HEKLA_WORKER_GRPC_CALL_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <utility>

#include "worker/response_stream.h"

namespace hekla::worker {

// What a call's metadata and credentials say.
CallOrigin OriginOf(const ServiceContext& context, const grpc::CallbackServerContext& call);

// Deletes itself when gRPC is done with it.
template <typename Response>
class GrpcCall final : public grpc::ServerWriteReactor<Response>, public ResponseStream<Response>::Call {
 public:
  GrpcCall(std::shared_ptr<ResponseStream<Response>> stream, grpc::CallbackServerContext* call)
      : stream_(std::move(stream)), call_(call) {
    stream_->Begin(this);
  }

 private:
  bool Write(Response* response) override {
    this->StartWrite(response);
    return false;
  }
  void WriteAndFinish(Response* response) override {
    this->StartWriteAndFinish(response, grpc::WriteOptions(), grpc::Status::OK);
  }
  void Finish(const absl::Status& status) override {
    grpc::ServerWriteReactor<Response>::Finish(service::ToGrpc(status));
  }
  void CutOff() override { call_->TryCancel(); }

  void OnWriteDone(bool ok) override { stream_->WriteDone(ok); }
  void OnCancel() override { stream_->Cancelled(); }
  void OnDone() override {
    stream_->Released();
    delete this;
  }

  const std::shared_ptr<ResponseStream<Response>> stream_;
  grpc::CallbackServerContext* const call_;
};

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_GRPC_CALL_H_
