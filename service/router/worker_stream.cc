#include "service/router/worker_stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "service/runtime/status.h"
#include "service/runtime/time.h"

namespace hekla::service {
namespace {

constexpr size_t kEnvelopeBytes = 512;  // of a message around one request
// Responses of a request that is paused; those under way when the worker is told so are far fewer.
constexpr size_t kMaxWaitingResponses = 1 << 16;

// OK, or why the worker could not receive it.
absl::Status CheckSize(const v1::DispatchCommand::Start& start, size_t limit) {
  const size_t bytes = start.ByteSizeLong();
  if (limit == 0 || bytes + kEnvelopeBytes <= limit) return absl::OkStatus();
  return InvalidField("request", absl::StrCat("has ", bytes, " bytes, the limit of a worker's message is ", limit));
}

}  // namespace

WorkerStream::WorkerStream(std::shared_ptr<Worker> worker, v1::GenerateRequest request, absl::Time deadline,
                           const TraceContext& trace, std::shared_ptr<Listener> listener, DeliveryLoop* deliveries)
    : worker_(std::move(worker)), deadline_(deadline), listener_(std::move(listener)), deliveries_(deliveries) {
  *start_.mutable_request() = std::move(request);
  start_.set_traceparent(trace.ToHeader());
  start_.set_tracestate(trace.state);
}

void WorkerStream::Start() {
  absl::MutexLock lock(&mutex_);  // held until line_ is known: an event may come before
  if (is_cancelled_ || is_abandoned_) {
    is_abandoned_ = true;
    return DeliverSoon();
  }
  if (absl::Status status = CheckSize(start_, worker_->model().limits().max_message_bytes()); !status.ok()) {
    end_ = std::move(status);
    return DeliverSoon();
  }
  if (deadline_ != absl::InfiniteFuture()) {
    *start_.mutable_timeout() = ToProto(std::max(absl::ZeroDuration(), deadline_ - absl::Now()));
  }
  line_ = worker_->exchange().Start(shared_from_this(), std::move(start_));
  start_.Clear();
}

void WorkerStream::Read() {
  absl::MutexLock lock(&mutex_);
  wants_read_ = true;
  if (is_paused_) {
    is_paused_ = false;
    v1::DispatchCommand command;
    command.mutable_resume();
    Send(std::move(command));
  }
  if ((!waiting_.empty() || end_.has_value()) && !is_delivering_) DeliverSoon();
}

void WorkerStream::Cancel() {
  absl::MutexLock lock(&mutex_);
  if (is_cancelled_ || is_done_) return;
  is_cancelled_ = true;
  v1::DispatchCommand command;
  command.mutable_cancel();
  Send(std::move(command));
}

void WorkerStream::Abandon() {
  absl::MutexLock lock(&mutex_);
  if (is_abandoned_ || is_done_) return;
  is_abandoned_ = true;
  if (line_.link == nullptr) return;  // Start() sees to it
  LeaveWorker();
  if (!is_delivering_) DeliverSoon();
}

void WorkerStream::LeaveWorker() {
  v1::DispatchCommand command;
  command.mutable_cancel();
  Send(std::move(command));
  WorkerExchange::Leave(line_);
}

void WorkerStream::Send(v1::DispatchCommand command) {
  if (line_.link != nullptr) WorkerExchange::Send(line_, std::move(command));
}

void WorkerStream::OnResponse(v1::GenerateResponse response) {
  {
    absl::MutexLock lock(&mutex_);
    if (waiting_.size() < kMaxWaitingResponses) {
      waiting_.push_back(std::move(response));
    } else if (!end_.has_value()) {
      end_ = absl::DataLossError(absl::StrCat("it sends on though it was told to pause, past the limit of ",
                                              kMaxWaitingResponses, " responses"));
      LeaveWorker();
    }
  }
  Deliver();
}

void WorkerStream::OnEnd(absl::Status status) {
  {
    absl::MutexLock lock(&mutex_);
    end_ = std::move(status);
  }
  Deliver();
}

bool WorkerStream::TakeNext(v1::GenerateResponse* response, std::optional<absl::Status>* end) {
  absl::MutexLock lock(&mutex_);
  if (is_delivering_ || is_done_) return false;
  if (is_abandoned_) {
    *end = absl::CancelledError("given up by the router");
  } else if (!wants_read_ || (waiting_.empty() && !end_.has_value())) {
    return false;
  } else if (waiting_.empty()) {
    *end = std::move(end_);
  } else {
    *response = std::move(waiting_.front());
    waiting_.pop_front();
    wants_read_ = false;
  }
  is_delivering_ = true;
  is_done_ = end->has_value();
  return true;
}

void WorkerStream::LookAtReading() {
  is_delivering_ = false;
  if (wants_read_ || is_paused_ || is_cancelled_ || is_abandoned_) return;
  is_paused_ = true;
  v1::DispatchCommand command;
  command.mutable_pause();
  Send(std::move(command));
}

void WorkerStream::Deliver() {
  v1::GenerateResponse response;
  std::optional<absl::Status> end;
  while (TakeNext(&response, &end)) {
    if (end.has_value()) return listener_->OnStreamDone(*std::move(end));
    listener_->OnWorkerResponse(std::move(response));
    absl::MutexLock lock(&mutex_);
    LookAtReading();
  }
}

void WorkerStream::DeliverSoon() {
  deliveries_->Post([self = shared_from_this()] { self->Deliver(); });
}

}  // namespace hekla::service
