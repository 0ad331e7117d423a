#include "worker/running_sample.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"

namespace hekla::worker {

RunningSample::RunningSample(const ServiceContext* context, const ReadRequest* request, int index,
                             std::weak_ptr<WriteTask> owner)
    : context_(context),
      request_(request),
      index_(index),
      created_(absl::Now()),
      generation_(request, &context->model, index),
      queue_(std::make_shared<TokenQueue>(context->loop, std::move(owner), context->limits.max_tokens)) {}

RunningSample::~RunningSample() { Stop(); }

absl::Status RunningSample::Submit(schedule::Request engine_request) {
  if (generation_.ended()) {  // the resumed ids hold the end
    if (generation_.prompt_is_whole()) {
      started_ = true;
      engine_ended_ = true;
      return absl::OkStatus();
    }
    // Of the prompt the log probabilities are wanted all the same; the token that comes with them is ignored.
    engine_request.prompt.resize(request_->prompt_tokens());
    engine_request.resumed_tokens = 0;
    engine_request.stop = schedule::StopParams();
    engine_request.stop.max_tokens = 1;
  }
  engine_request.sampling.sample_index += static_cast<uint32_t>(index_);
  if (index_ > 0) engine_request.sampling.prompt_logprobs = -1;  // they are the same for all
  const absl::StatusOr<uint64_t> id = context_->engine->Submit(std::move(engine_request), queue_);
  if (!id.ok()) {
    engine_ended_ = true;
    return id.status();
  }
  engine_id_ = *id;
  queue_->Bind(context_->engine, engine_id_);
  return absl::OkStatus();
}

absl::Status RunningSample::Poll(absl::Time now, bool arm, bool* took) {
  TokenQueue::Taken taken;
  if (!queue_->Take(&taken, arm)) return absl::OkStatus();
  *took = true;
  if (taken.started) {
    started_ = true;
    queue_time_ = taken.queue_time;
    cached_tokens_ = taken.cached_tokens;
  }
  for (const engine::TokenEvent& event : taken.events) {
    if (event.finish != schedule::FinishReason::kNone) engine_ended_ = engine_timed_ = true;
    if (!event.tokens.empty()) {
      if (generation_.output_tokens() == request_->engine.resumed_tokens) first_token_ = now;
      last_token_ = now;
    }
    const absl::Status status = generation_.OnEvent(event);
    if (!status.ok()) return status;
  }
  if (generation_.has_delta()) delta_since_ = std::min(delta_since_, now);
  if (generation_.ended() && generation_.prompt_is_whole()) {
    if (!engine_ended_)
      context_->engine->Cancel(engine_id_);  // a stop string: the engine does not know of it
    engine_ended_ = true;
  }
  return absl::OkStatus();
}

void RunningSample::Stop() {
  queue_->Close();
  if (engine_id_ != 0 && !engine_ended_) context_->engine->Cancel(engine_id_);
  engine_ended_ = true;
}

bool RunningSample::DeltaIsDue(absl::Time now) const {
  if (!generation_.has_delta()) return false;
  const bool by_count = request_->coalesce_tokens > 0,
             by_time = request_->coalesce_delay > absl::ZeroDuration();
  if (generation_.ended() || (!by_count && !by_time)) return true;
  return (by_count && generation_.pending_tokens() >= request_->coalesce_tokens) ||
         (by_time && now >= delta_since_ + request_->coalesce_delay);
}

void RunningSample::TakeDelta(v1::Delta* out) {
  delta_since_ = absl::InfiniteFuture();
  generation_.TakeDelta(out);
  out->set_sample_index(static_cast<uint32_t>(index_));
}

absl::Time RunningSample::NextDue() const {
  if (request_->coalesce_delay <= absl::ZeroDuration() || !generation_.has_delta())
    return absl::InfiniteFuture();
  return delta_since_ + request_->coalesce_delay;
}

void RunningSample::TakeFinished(v1::Finished* out) {
  finished_taken_ = true;
  generation_.FillFinished(out);
  out->set_sample_index(static_cast<uint32_t>(index_));
  if (engine_timed_ || engine_id_ == 0) return;
  SetDuration(queue_time_, out->mutable_timings()->mutable_queue());
  SetDuration(std::max(absl::ZeroDuration(), first_token_ - created_ - queue_time_),
              out->mutable_timings()->mutable_prefill());
  SetDuration(last_token_ - first_token_, out->mutable_timings()->mutable_decode());
}

}  // namespace hekla::worker
