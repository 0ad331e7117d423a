#include "worker/running_request.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "service/runtime/status.h"

namespace hekla::worker {
namespace {

uint64_t RandomSeed() {
  thread_local std::mt19937_64 generator(std::random_device{}());
  return generator();
}

ReadRequest WithSeed(ReadRequest request) {
  if (!request.seed_given) request.engine.sampling.seed = RandomSeed();
  return request;
}

// The engine's refusal as the client sees it.
absl::Status Refusal(const absl::Status& status, bool draining) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return service::MakeError(status.code(), v1::ERROR_REASON_NEVER_FITS, status.message());
    case absl::StatusCode::kResourceExhausted:
      return service::WithQuotaFailure(
          service::WithRetryAfter(
              service::MakeError(status.code(), v1::ERROR_REASON_QUEUE_FULL, status.message()),
              absl::Milliseconds(500)),
          "worker.queue", status.message());
    case absl::StatusCode::kUnavailable:
      if (!draining) break;
      return service::WithRetryAfter(
          service::MakeError(status.code(), v1::ERROR_REASON_DRAINING, status.message()), absl::Seconds(1));
    default:
      break;
  }
  return service::MakeError(absl::StatusCode::kInternal, v1::ERROR_REASON_DEVICE_LOST, status.message());
}

}  // namespace

RunningRequest::RunningRequest(const ServiceContext* context, ReadRequest request,
                               std::weak_ptr<WriteTask> owner)
    : context_(context),
      request_(WithSeed(std::move(request))),
      owner_(owner),
      created_(absl::Now()),
      generation_(&request_, &context->model),
      queue_(std::make_shared<TokenQueue>(context->loop, std::move(owner), context->limits.max_tokens)) {}

RunningRequest::~RunningRequest() { Stop(); }

absl::StatusOr<std::shared_ptr<RunningRequest>> RunningRequest::Start(const ServiceContext* context,
                                                                      ReadRequest request,
                                                                      absl::Time deadline,
                                                                      std::weak_ptr<WriteTask> owner) {
  if (context->draining) return Refusal(absl::UnavailableError("this worker takes no new requests"), true);
  std::shared_ptr<RunningRequest> run(new RunningRequest(context, std::move(request), std::move(owner)));
  const std::string& id = run->request_.request_id;
  if (!context->inflight->Add(id, run)) {
    return service::MakeError(absl::StatusCode::kAlreadyExists, v1::ERROR_REASON_DUPLICATE_REQUEST,
                              absl::StrCat("request_id: \"", id, "\" is in flight already"));
  }
  run->registered_ = true;
  const absl::Status submitted = run->Submit(deadline);
  if (!submitted.ok()) return submitted;
  return run;
}

absl::Status RunningRequest::Submit(absl::Time deadline) {
  if (generation_.ended()) {  // the resumed ids hold the end
    started_ = true;
    engine_ended_ = true;
    return absl::OkStatus();
  }
  schedule::Request engine_request = request_.engine;
  engine_request.name = request_.request_id;
  if (deadline != absl::InfiniteFuture()) {
    const int64_t left_us = absl::ToInt64Microseconds(deadline - absl::Now());
    engine_request.deadline_us = std::max<int64_t>(1, context_->engine->NowMicros() + left_us);
  }
  const absl::StatusOr<uint64_t> id = context_->engine->Submit(std::move(engine_request), queue_);
  if (!id.ok()) {
    engine_ended_ = true;
    return Refusal(id.status(), context_->engine->Status().draining);
  }
  engine_id_ = *id;
  queue_->Bind(context_->engine, engine_id_);
  return absl::OkStatus();
}

void RunningRequest::Abort(absl::Status status) {
  {
    absl::MutexLock lock(&abort_mutex_);
    if (abort_.ok()) abort_ = std::move(status);
  }
  if (std::shared_ptr<WriteTask> owner = owner_.lock()) context_->loop->Post(std::move(owner));
}

absl::Status RunningRequest::Poll(absl::Time now, bool arm, bool* took) {
  {
    absl::MutexLock lock(&abort_mutex_);
    if (!abort_.ok()) return abort_;
  }
  TokenQueue::Taken taken;
  *took = queue_->Take(&taken, arm);
  if (taken.started) {
    started_ = true;
    queue_time_ = taken.queue_time;
    cached_tokens_ = taken.cached_tokens;
  }
  for (const engine::TokenEvent& event : taken.events) {
    if (event.finish != schedule::FinishReason::kNone) engine_ended_ = engine_timed_ = true;
    if (!event.tokens.empty()) {
      if (generation_.output_tokens() == request_.engine.resumed_tokens) first_token_ = now;
      last_token_ = now;
    }
    const absl::Status status = generation_.OnEvent(event);
    if (!status.ok()) return status;
  }
  if (generation_.has_delta()) delta_since_ = std::min(delta_since_, now);
  if (generation_.ended()) {
    if (!engine_ended_)
      context_->engine->Cancel(engine_id_);  // a stop string: the engine does not know of it
    engine_ended_ = true;
    return absl::OkStatus();
  }
  if (!started_ && request_.queue_timeout.has_value() && now - created_ >= *request_.queue_timeout) {
    return service::WithRetryAfter(
        service::MakeError(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_QUEUE_TIMEOUT,
                           absl::StrCat("queue_timeout: no place came free within ",
                                        absl::FormatDuration(*request_.queue_timeout))),
        absl::Seconds(1));
  }
  return absl::OkStatus();
}

void RunningRequest::Stop() {
  queue_->Close();
  if (engine_id_ != 0 && !engine_ended_) context_->engine->Cancel(engine_id_);
  engine_ended_ = true;
  if (registered_) context_->inflight->Remove(request_.request_id);
  registered_ = false;
}

bool RunningRequest::DeltaIsDue(absl::Time now) const {
  if (!generation_.has_delta()) return false;
  const bool by_count = request_.coalesce_tokens > 0,
             by_time = request_.coalesce_delay > absl::ZeroDuration();
  if (generation_.ended() || (!by_count && !by_time)) return true;
  return (by_count && generation_.pending_tokens() >= request_.coalesce_tokens) ||
         (by_time && now >= delta_since_ + request_.coalesce_delay);
}

void RunningRequest::TakeDelta(v1::Delta* out) {
  delta_since_ = absl::InfiniteFuture();
  generation_.TakeDelta(out);
}

void RunningRequest::FillFinished(v1::Finished* out) const {
  generation_.FillFinished(out);
  if (engine_timed_ || engine_id_ == 0) return;
  SetDuration(queue_time_, out->mutable_timings()->mutable_queue());
  SetDuration(std::max(absl::ZeroDuration(), first_token_ - created_ - queue_time_),
              out->mutable_timings()->mutable_prefill());
  SetDuration(last_token_ - first_token_, out->mutable_timings()->mutable_decode());
}

absl::Time RunningRequest::NextDue() const {
  absl::Time due = absl::InfiniteFuture();
  if (!started_ && request_.queue_timeout.has_value()) due = created_ + *request_.queue_timeout;
  if (request_.coalesce_delay > absl::ZeroDuration() && generation_.has_delta()) {
    due = std::min(due, delta_since_ + request_.coalesce_delay);
  }
  return due;
}

}  // namespace hekla::worker
