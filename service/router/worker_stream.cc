#include "service/router/worker_stream.h"

#include <utility>

#include "service/runtime/status.h"

namespace hekla::service {

WorkerStream::WorkerStream(std::shared_ptr<Worker> worker, v1::GenerateRequest request, absl::Time deadline,
                           const TraceContext& trace, std::shared_ptr<Listener> listener)
    : worker_(std::move(worker)), request_(std::move(request)), listener_(std::move(listener)) {
  if (deadline != absl::InfiniteFuture()) context_.set_deadline(absl::ToChronoTime(deadline));
  trace.AddTo(&context_);
}

void WorkerStream::Start() {
  worker_->stub().async()->Generate(&context_, &request_, this);
  // Reads may be started from outside a reaction as long as the hold lasts: until the first one that fails.
  AddHold();
  StartRead(&response_);
  StartCall();
}

void WorkerStream::OnReadDone(bool ok) {
  if (ok) {
    listener_->OnWorkerResponse(std::move(response_));
  } else {
    RemoveHold();
  }
}

void WorkerStream::OnDone(const grpc::Status& status) {
  listener_->OnStreamDone(FromGrpc(status));
  delete this;
}

}  // namespace hekla::service
