// A short call passed on to a worker of the model, and to another one when that worker cannot be reached.
#ifndef HEKLA_SERVICE_ROUTER_UNARY_FORWARD_H_
#define HEKLA_SERVICE_ROUTER_UNARY_FORWARD_H_

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "service/router/generate_relay.h"
#include "service/router/model_access.h"
#include "service/router/worker_registry.h"
#include "service/runtime/status.h"

namespace hekla::service {

inline constexpr absl::Duration kUnaryLimit = absl::Seconds(10);

// `call(stub, context, request, response, done)` starts the worker's method. Finishes `reactor` with the
// first answer that is not UNAVAILABLE. Errors of its own: those of ResolveAllowedModel, UNAVAILABLE
// NO_WORKER. Deletes itself.
template <typename Request, typename Response>
class UnaryForward {
 public:
  using Call = std::function<void(v1::Inference::Stub&, grpc::ClientContext*, const Request*, Response*,
                                  std::function<void(grpc::Status)>)>;

  static void Start(const WorkerRegistry& registry, absl::Time deadline, const Caller& caller,
                    const Request& request, Response* response, grpc::ServerUnaryReactor* reactor,
                    Call call) {
    const absl::StatusOr<std::string> model = ResolveAllowedModel(registry, *caller.grant, request.model());
    if (!model.ok()) return reactor->Finish(ToGrpc(model.status()));
    auto* forward = new UnaryForward(request, response, reactor, std::move(call));
    forward->request_.set_model(*model);
    forward->trace_ = caller.trace;
    forward->deadline_ = std::min(deadline, absl::Now() + kUnaryLimit);
    for (std::shared_ptr<Worker>& worker : registry.All()) {
      if (model->empty() || worker->model().name() == *model) forward->workers_.push_back(std::move(worker));
    }
    // The least busy one last, where it is taken from.
    std::stable_sort(forward->workers_.begin(), forward->workers_.end(),
                     [](const auto& a, const auto& b) { return a->inflight() > b->inflight(); });
    forward->TryNext(WithRetryAfter(MakeError(absl::StatusCode::kUnavailable, v1::ERROR_REASON_NO_WORKER,
                                              absl::StrCat("no worker for model '", *model, "'")),
                                    absl::Seconds(1)));
  }

 private:
  UnaryForward(const Request& request, Response* response, grpc::ServerUnaryReactor* reactor, Call call)
      : request_(request), response_(response), reactor_(reactor), call_(std::move(call)) {}

  void TryNext(const absl::Status& last_error) {
    if (workers_.empty()) return End(ToGrpc(last_error));
    worker_ = std::move(workers_.back());
    workers_.pop_back();
    context_ = std::make_unique<grpc::ClientContext>();
    context_->set_deadline(absl::ToChronoTime(deadline_));
    trace_.AddTo(context_.get());
    call_(worker_->stub(), context_.get(), &request_, response_, [this](const grpc::Status& status) {
      if (status.error_code() == grpc::StatusCode::UNAVAILABLE) return TryNext(FromGrpc(status));
      End(status);
    });
  }

  void End(const grpc::Status& status) {
    reactor_->Finish(status);
    delete this;
  }

  Request request_;
  Response* const response_;
  grpc::ServerUnaryReactor* const reactor_;
  const Call call_;
  absl::Time deadline_;
  TraceContext trace_;
  std::vector<std::shared_ptr<Worker>> workers_;  // not tried yet
  std::shared_ptr<Worker> worker_;
  std::unique_ptr<grpc::ClientContext> context_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_UNARY_FORWARD_H_
