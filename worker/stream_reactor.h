// What Generate and BatchGenerate have in common: one write in flight, what comes meanwhile merges, slow
// readers are parked and end in the end, cancelled calls stop their work at once. The subclass says what
// comes next.
//
// Thread rule: gRPC's threads and the WriteLoop's; all virtual calls come under mutex(). Lifetime: made by
// Launch, it holds itself until gRPC's OnDone.
#ifndef HEKLA_WORKER_STREAM_REACTOR_H_
#define HEKLA_WORKER_STREAM_REACTOR_H_

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "service/runtime/open_calls.h"
#include "service/runtime/status.h"
#include "service/runtime/trace_context.h"
#include "worker/running_request.h"

namespace hekla::worker {

template <typename Response>
class StreamReactor : public grpc::ServerWriteReactor<Response>,
                      public WriteTask,
                      public std::enable_shared_from_this<StreamReactor<Response>> {
 public:
  // Starts a new reactor, which from here on owns itself.
  static StreamReactor* Launch(std::shared_ptr<StreamReactor> reactor) {
    reactor->self_ = reactor;
    StreamReactor* raw = reactor.get();
    {
      absl::MutexLock lock(&raw->mutex_);
      raw->Begin();
      raw->Advance();
    }
    return raw;
  }

  void Pump() final {
    absl::MutexLock lock(&mutex_);
    if (finished_) return;
    if (write_in_flight_) {
      WatchSlowWrite(absl::Now());
    } else {
      Advance();
    }
  }

  void OnWriteDone(bool ok) final {
    absl::MutexLock lock(&mutex_);
    write_in_flight_ = false;
    parked_since_ = absl::InfiniteFuture();
    if (finished_) return;
    if (!ok) final_status_ = Gone();
    Advance();
  }

  void OnCancel() final {
    absl::MutexLock lock(&mutex_);
    StopAll();
    if (final_status_.ok()) final_status_ = Gone();
    if (!finished_ && !write_in_flight_) Advance();
  }

  void OnDone() final {
    std::shared_ptr<StreamReactor> self;  // the last owner, but for a pump that runs; dies after the lock
    absl::MutexLock lock(&mutex_);
    StopAll();
    self.swap(self_);
  }

 protected:
  enum class Next {
    kNothing,    // wait for an event, or *wake_at
    kWrite,      // *out
    kWriteLast,  // *out, then OK
    kFail,       // *status, after StopAll
  };

  StreamReactor(const ServiceContext* context, grpc::CallbackServerContext* call)
      : place_(context->calls), context_(context), call_(call), trace_(service::TraceOf(*call)) {}

  virtual void Begin() = 0;
  virtual Next NextMessage(absl::Time now, Response* out, absl::Status* status, absl::Time* wake_at) = 0;
  virtual void StopAll() = 0;
  // A request behind this stream is parked.
  virtual bool Parked() const = 0;

  absl::Time Deadline() const {
    const auto deadline = call_->deadline();
    if (deadline == std::chrono::system_clock::time_point::max()) return absl::InfiniteFuture();
    return absl::FromChrono(deadline);
  }
  const ServiceContext& context() const { return *context_; }
  const service::TraceContext& trace() const { return trace_; }
  absl::Status CheckCaller() const { return context_->CheckCaller(*call_); }

 private:
  absl::Status Gone() const {
    if (absl::Now() >= Deadline()) {
      return service::MakeError(absl::StatusCode::kDeadlineExceeded, v1::ERROR_REASON_DEADLINE,
                                "the deadline passed");
    }
    return service::MakeError(absl::StatusCode::kCancelled, v1::ERROR_REASON_CANCELLED,
                              "the call was cancelled");
  }

  void Fail(const absl::Status& status) {
    StopAll();
    finished_ = true;
    this->Finish(service::ToGrpc(status));
  }

  // No write is in flight.
  void Advance() {
    if (!final_status_.ok()) return Fail(final_status_);
    absl::Status status;
    absl::Time wake_at = absl::InfiniteFuture();
    const absl::Time now = absl::Now();
    response_.Clear();
    switch (NextMessage(now, &response_, &status, &wake_at)) {
      case Next::kNothing:
        WakeAt(wake_at);
        return;
      case Next::kWrite:
        write_in_flight_ = true;
        this->StartWrite(&response_);
        return;
      case Next::kWriteLast:
        StopAll();
        finished_ = true;
        this->StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
        return;
      case Next::kFail:
        return Fail(status);
    }
  }

  // A timer that is due later than the one that is set already would only be one more.
  void WakeAt(absl::Time time) {
    if (time == absl::InfiniteFuture()) return;
    if (timer_ > absl::Now() && timer_ <= time) return;
    timer_ = time;
    context_->loop->PostAt(time, this->weak_from_this());
  }

  // A client that does not read while a request is parked has the grace to read on, which ends the write in
  // flight. After it the engine is freed; the client learns of it when it reads, and is cut off if it does
  // not.
  void WatchSlowWrite(absl::Time now) {
    const absl::Duration grace = context_->limits.grace;
    if (!final_status_.ok()) {
      if (now >= slow_since_ + context_->limits.cut_off) call_->TryCancel();
      return;
    }
    if (!Parked()) return;
    parked_since_ = std::min(parked_since_, now);
    if (now < parked_since_ + grace) return WakeAt(parked_since_ + grace);
    StopAll();
    final_status_ = service::MakeError(
        absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_SLOW_CONSUMER,
        absl::StrCat("the client read nothing for ", absl::FormatDuration(grace), " while more than ",
                     context_->limits.max_tokens, " tokens waited to be sent"));
    slow_since_ = now;
    context_->loop->PostAt(now + context_->limits.cut_off, this->weak_from_this());
  }

  const service::OpenCalls::Place place_;
  const ServiceContext* const context_;
  grpc::CallbackServerContext* const call_;
  const service::TraceContext trace_;
  absl::Mutex mutex_;
  Response response_;  // of the write in flight
  bool write_in_flight_ = false;
  bool finished_ = false;                             // Finish was called
  absl::Status final_status_;                         // to finish with, once no write is in flight
  absl::Time parked_since_ = absl::InfiniteFuture();  // first seen so during the write in flight
  absl::Time slow_since_;                             // final_status_ says so
  absl::Time timer_ = absl::InfinitePast();
  std::shared_ptr<StreamReactor> self_;
};

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_STREAM_REACTOR_H_
