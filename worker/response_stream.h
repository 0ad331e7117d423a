// The responses of one Generate or BatchGenerate request: one write in flight, what comes meanwhile merges,
// slow readers are parked and end in the end, cancelled calls stop their work at once. The subclass says what
// comes next, a Call where it goes.
//
// Thread rule: the Call's threads and the WriteLoop's; all virtual calls come under the stream's lock.
// Lifetime: shared by its Call and the WriteLoop; the Call lives until it was finished.
#ifndef HEKLA_WORKER_RESPONSE_STREAM_H_
#define HEKLA_WORKER_RESPONSE_STREAM_H_

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

// What is known of a call before its request is read.
struct CallOrigin {
  absl::Time deadline = absl::InfiniteFuture();
  service::TraceContext trace;
  absl::Status caller;  // why it may not call, if so
};

template <typename Response>
class ResponseStream : public WriteTask, public std::enable_shared_from_this<ResponseStream<Response>> {
 public:
  // The way to the client. Functions are called with the stream locked and must not call it.
  class Call {
   public:
    virtual ~Call() = default;
    // True: it was taken, and the next one may come at once. False: it may be taken until WriteDone(), which
    // follows.
    virtual bool Write(Response* response) = 0;
    virtual void WriteAndFinish(Response* response) = 0;  // last, with OK
    virtual void Finish(const absl::Status& status) = 0;  // last
    // The client does not even read its error: Cancelled() and the end of the write in flight follow.
    virtual void CutOff() = 0;
  };

  // Takes up the request. Once, before all others.
  void Begin(Call* call) {
    absl::MutexLock lock(&mutex_);
    if (finished_) return;  // released before
    call_ = call;
    BeginRequest();
    Advance();
  }

  void WriteDone(bool ok) {
    absl::MutexLock lock(&mutex_);
    write_in_flight_ = false;
    parked_since_ = absl::InfiniteFuture();
    if (finished_) return;
    if (!ok) final_status_ = Gone();
    Advance();
  }

  // By the client or its end.
  void Cancelled() {
    absl::MutexLock lock(&mutex_);
    StopAll();
    if (final_status_.ok()) final_status_ = Gone();
    if (!finished_ && !write_in_flight_) Advance();
  }

  // The Call is gone.
  void Released() {
    absl::MutexLock lock(&mutex_);
    StopAll();
    finished_ = true;
    call_ = nullptr;
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

 protected:
  enum class Next {
    kNothing,    // wait for an event, or *wake_at
    kWrite,      // *out
    kWriteLast,  // *out, then OK
    kFail,       // *status, after StopAll
  };

  ResponseStream(const ServiceContext* context, CallOrigin origin)
      : place_(context->calls), context_(context), origin_(std::move(origin)) {}

  virtual void BeginRequest() = 0;
  virtual Next NextMessage(absl::Time now, Response* out, absl::Status* status, absl::Time* wake_at) = 0;
  virtual void StopAll() = 0;
  // A request behind this stream is parked.
  virtual bool Parked() const = 0;

  const ServiceContext& context() const { return *context_; }
  const CallOrigin& origin() const { return origin_; }

 private:
  absl::Status Gone() const {
    if (absl::Now() >= origin_.deadline) {
      return service::MakeError(absl::StatusCode::kDeadlineExceeded, v1::ERROR_REASON_DEADLINE,
                                "the deadline passed");
    }
    return service::MakeError(absl::StatusCode::kCancelled, v1::ERROR_REASON_CANCELLED,
                              "the call was cancelled");
  }

  void Fail(const absl::Status& status) {
    StopAll();
    finished_ = true;
    call_->Finish(status);
  }

  // No write is in flight.
  void Advance() {
    if (!final_status_.ok()) return Fail(final_status_);
    while (!write_in_flight_) {
      absl::Status status;
      absl::Time wake_at = absl::InfiniteFuture();
      response_.Clear();
      switch (NextMessage(absl::Now(), &response_, &status, &wake_at)) {
        case Next::kNothing:
          return WakeAt(wake_at);
        case Next::kWrite:
          write_in_flight_ = !call_->Write(&response_);
          break;
        case Next::kWriteLast:
          StopAll();
          finished_ = true;
          return call_->WriteAndFinish(&response_);
        case Next::kFail:
          return Fail(status);
      }
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
      if (now >= slow_since_ + context_->limits.cut_off) call_->CutOff();
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
  const CallOrigin origin_;
  absl::Mutex mutex_;
  Call* call_ = nullptr;
  Response response_;  // of the write in flight
  bool write_in_flight_ = false;
  bool finished_ = false;                             // the call is
  absl::Status final_status_;                         // to finish with, once no write is in flight
  absl::Time parked_since_ = absl::InfiniteFuture();  // first seen so during the write in flight
  absl::Time slow_since_;                             // final_status_ says so
  absl::Time timer_ = absl::InfinitePast();
};

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_RESPONSE_STREAM_H_
