#include "worker/generation.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "service/runtime/status.h"
#include "worker/base/check.h"
#include "worker/base/status_macros.h"

namespace hekla::worker {

using schedule::FinishReason;
using schedule::TokenId;

namespace {

void FillLogprob(TokenId token, float value, absl::Span<const schedule::TokenLogprob> top,
                 v1::TokenLogprob* out) {
  out->set_token_id(token);
  out->set_logprob(value);
  for (const schedule::TokenLogprob& each : top) {
    v1::TokenLogprob::Candidate* candidate = out->add_top();
    candidate->set_token_id(each.token);
    candidate->set_logprob(each.logprob);
  }
}

}  // namespace

void SetDuration(absl::Duration duration, google::protobuf::Duration* out) {
  const int64_t nanos = absl::ToInt64Nanoseconds(duration);
  out->set_seconds(nanos / 1000000000);
  out->set_nanos(static_cast<int32_t>(nanos % 1000000000));
}

Generation::Generation(const ReadRequest* request, const ServedModel* model, int sample)
    : request_(request),
      model_(model),
      detokenizer_(model->tokenizer),
      stops_(request->stop_strings, request->include_stop) {
  if (sample == 0 && request->engine.sampling.prompt_logprobs >= 0)
    prompt_logprobs_to_come_ = request->prompt_tokens() - 1;
  Replay();
}

bool Generation::IsEos(TokenId token) const {
  const auto& ids = model_->description.eos_token_ids();
  return !request_->engine.stop.ignore_eos &&
         std::find(ids.begin(), ids.end(), static_cast<uint32_t>(token)) != ids.end();
}

bool Generation::IsStopToken(TokenId token) const {
  const std::vector<TokenId>& ids = request_->engine.stop.stop_token_ids;
  return std::find(ids.begin(), ids.end(), token) != ids.end();
}

void Generation::Replay() {
  const std::vector<TokenId>& prompt = request_->engine.prompt;
  for (size_t i = request_->prompt_tokens(); i < prompt.size() && !ended(); ++i) Accept(prompt[i]);
  delta_.clear_text();  // was sent with its ids
}

// Every end but an error is seen here, from the ids alone, so that a replay sees it as well.
void Generation::Accept(TokenId token) {
  const bool may_stop = output_tokens_ >= request_->engine.stop.min_tokens;
  const bool eos = may_stop && IsEos(token), stop = may_stop && IsStopToken(token);
  if ((!eos && !stop) || request_->include_stop) PushText(token);
  ++output_tokens_;
  if (ended()) return;
  if (eos || stop) {
    matched_token_ = token;
    End(eos ? v1::FINISH_REASON_EOS : v1::FINISH_REASON_STOP_TOKEN);
  } else if (output_tokens_ >= request_->engine.stop.max_tokens) {
    End(request_->max_tokens_given ? v1::FINISH_REASON_MAX_TOKENS : v1::FINISH_REASON_CONTEXT_LIMIT);
  }
}

void Generation::PushText(TokenId token) {
  const std::string text = detokenizer_.Push(token);
  if (output_tokens_ < request_->engine.stop.min_tokens) {
    delta_.mutable_text()->append(text);
    return;
  }
  delta_.mutable_text()->append(stops_.Push(text));
  if (stops_.matched() >= 0) reason_ = v1::FINISH_REASON_STOP_STRING;
}

// What the detokenizer and the stop matcher still hold goes the same way as all text before it.
void Generation::End(v1::FinishReason reason) {
  reason_ = reason;
  std::string trailing;
  const std::string last = detokenizer_.Flush(&trailing);
  trailing_ = trailing;
  delta_.mutable_text()->append(stops_.Push(last));
  if (stops_.matched() >= 0) {
    reason_ = v1::FINISH_REASON_STOP_STRING;
    return;
  }
  delta_.mutable_text()->append(stops_.Flush());
}

// Of the prompt's tokens in order, from the second on.
absl::Status Generation::AddPromptLogprobs(const engine::TokenEvent& event) {
  const int count = static_cast<int>(event.prompt_logprobs.size());
  if (count > prompt_logprobs_to_come_) {
    return service::MakeError(absl::StatusCode::kInternal, v1::ERROR_REASON_INTERNAL,
                              absl::StrCat("the engine gave ", count, " log probabilities of the prompt, ",
                                           prompt_logprobs_to_come_, " are to come"));
  }
  for (int i = 0; i < count; ++i) {
    const TokenId token = request_->engine.prompt[request_->prompt_tokens() - prompt_logprobs_to_come_--];
    FillLogprob(token, event.prompt_logprobs[i], event.prompt_top_logprobs[i], prompt_.add_logprobs());
  }
  return absl::OkStatus();
}

absl::Status Generation::OnEvent(const engine::TokenEvent& event) {
  HEKLA_RETURN_IF_ERROR(AddPromptLogprobs(event));
  if (ended() && prompt_is_whole()) return absl::OkStatus();
  if (event.finish != FinishReason::kNone) {
    queue_time_ = event.queue_time;
    prefill_time_ = event.prefill_time;
    decode_time_ = event.decode_time;
    cached_tokens_ = event.cached_tokens;
  }
  for (size_t i = 0; i < event.tokens.size() && !ended(); ++i) {
    const int offset = event.token_offset + static_cast<int>(i);
    if (offset != output_tokens_) {
      return service::MakeError(
          absl::StatusCode::kInternal, v1::ERROR_REASON_INTERNAL,
          absl::StrCat("the engine gave output token ", offset, ", expected ", output_tokens_));
    }
    if (delta_.token_count() == 0) delta_.set_token_offset(offset);
    delta_.set_token_count(delta_.token_count() + 1);
    if (request_->want_ids) delta_.add_token_ids(event.tokens[i]);
    if (i < event.logprobs.size()) {
      absl::Span<const schedule::TokenLogprob> top;
      if (i < event.top_logprobs.size()) top = event.top_logprobs[i];
      FillLogprob(event.tokens[i], event.logprobs[i], top, delta_.add_logprobs());
    }
    Accept(event.tokens[i]);
  }
  if ((ended() && prompt_is_whole()) || event.finish == FinishReason::kNone) return absl::OkStatus();
  return EndOf(event);
}

// The engine's end where the ids alone do not tell one.
absl::Status Generation::EndOf(const engine::TokenEvent& event) {
  switch (event.finish) {
    case FinishReason::kEos:
      End(v1::FINISH_REASON_EOS);
      return absl::OkStatus();
    case FinishReason::kStopToken:
      End(v1::FINISH_REASON_STOP_TOKEN);
      return absl::OkStatus();
    case FinishReason::kMaxTokens:
      End(v1::FINISH_REASON_MAX_TOKENS);
      return absl::OkStatus();
    case FinishReason::kContextLimit:
      End(v1::FINISH_REASON_CONTEXT_LIMIT);
      return absl::OkStatus();
    case FinishReason::kDeadline:
      return service::MakeError(absl::StatusCode::kDeadlineExceeded, v1::ERROR_REASON_DEADLINE,
                                absl::StrCat("the deadline passed after ", output_tokens_, " tokens"));
    case FinishReason::kError:
      return service::MakeError(absl::StatusCode::kInternal, v1::ERROR_REASON_DEVICE_LOST,
                                absl::StrCat("the engine failed: ", event.error.message()));
    case FinishReason::kCancelled:
    case FinishReason::kNone:
      break;
  }
  return service::MakeError(absl::StatusCode::kCancelled, v1::ERROR_REASON_CANCELLED,
                            "the request was cancelled");
}

void Generation::TakeDelta(v1::Delta* out) {
  if (delta_.token_count() == 0) delta_.set_token_offset(output_tokens_);
  if (!request_->want_text) delta_.clear_text();
  *out = std::move(delta_);
  delta_ = v1::Delta();
}

void Generation::FillStarted(absl::Duration queue_time, int cached_tokens, v1::Started* out) const {
  out->set_request_id(request_->request_id);
  out->set_model(model_->description.name());
  out->set_weights_hash(model_->description.weights_hash());
  out->set_seed(request_->engine.sampling.seed);
  *out->mutable_sampling() = EffectiveSampling(request_->engine.sampling);
  *out->mutable_stop() = EffectiveStop(*request_);
  out->set_prompt_tokens(request_->prompt_tokens());
  out->set_cached_tokens(cached_tokens);
  SetDuration(queue_time, out->mutable_queue_time());
}

void Generation::TakePrompt(v1::Prompt* out) {
  *out = std::move(prompt_);
  const std::vector<TokenId>& prompt = request_->engine.prompt;
  std::vector<TokenId> ids(prompt.begin(), prompt.begin() + request_->prompt_tokens());
  for (TokenId id : ids) out->add_token_ids(id);
  if (!request_->want_text) return;
  if (!request_->prompt_text.empty()) {
    out->set_text(request_->prompt_text);
    return;
  }
  text::Detokenizer detokenizer(model_->tokenizer, false);
  for (TokenId id : ids) out->mutable_text()->append(detokenizer.Push(id));
  out->mutable_text()->append(detokenizer.Flush());
}

void Generation::FillFinished(v1::Finished* out) const {
  HEKLA_CHECK(ended(), "Finished before the end");
  out->set_reason(reason_);
  if (reason_ == v1::FINISH_REASON_STOP_STRING)
    out->set_matched_stop(request_->stop_strings[stops_.matched()]);
  if (matched_token_ >= 0 && reason_ != v1::FINISH_REASON_STOP_STRING) out->set_matched_token(matched_token_);
  v1::Usage* usage = out->mutable_usage();
  usage->set_prompt_tokens(request_->prompt_tokens());
  usage->set_cached_tokens(cached_tokens_);
  usage->set_output_tokens(output_tokens_);
  v1::Timings* timings = out->mutable_timings();
  SetDuration(queue_time_, timings->mutable_queue());
  SetDuration(prefill_time_, timings->mutable_prefill());
  SetDuration(decode_time_, timings->mutable_decode());
  out->set_trailing_bytes(trailing_);
}

}  // namespace hekla::worker
