#include "tests/support/engine/recording_sink.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace hekla::test {

void RecordingSink::OnStarted(absl::Duration /*queue_time*/, int /*cached_tokens*/) {
  absl::MutexLock lock(&mutex_);
  if (record_.started || ended_) record_.disorder = "OnStarted twice or after the end";
  record_.started = true;
}

void RecordingSink::OnTokens(engine::TokenEvent event) {
  int tokens = 0;
  {
    absl::MutexLock lock(&mutex_);
    if (ended_) record_.disorder = "an event after the end";
    if (!event.tokens.empty() && !record_.started) record_.disorder = "a token before OnStarted";
    if (event.token_offset != next_offset_) {
      record_.disorder = absl::StrCat("offset ", event.token_offset, ", expected ", next_offset_);
    }
    if (!event.prompt_logprobs.empty() && (!record_.started || !record_.tokens.empty())) {
      record_.disorder = "log probabilities of the prompt before OnStarted or after a token";
    }
    next_offset_ += static_cast<int>(event.tokens.size());
    record_.tokens.insert(record_.tokens.end(), event.tokens.begin(), event.tokens.end());
    record_.logprobs.insert(record_.logprobs.end(), event.logprobs.begin(), event.logprobs.end());
    record_.top_logprobs.insert(record_.top_logprobs.end(), event.top_logprobs.begin(),
                                event.top_logprobs.end());
    record_.prompt_logprobs.insert(record_.prompt_logprobs.end(), event.prompt_logprobs.begin(),
                                   event.prompt_logprobs.end());
    record_.prompt_top_logprobs.insert(record_.prompt_top_logprobs.end(), event.prompt_top_logprobs.begin(),
                                       event.prompt_top_logprobs.end());
    ended_ = event.finish != schedule::FinishReason::kNone;
    record_.last = std::move(event);
    tokens = static_cast<int>(record_.tokens.size());
  }
  if (on_event) on_event(tokens);
}

void RecordingSink::WaitForTokens(int tokens) {
  const auto enough = [this, tokens]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return ended_ || static_cast<int>(record_.tokens.size()) >= tokens;
  };
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&enough));
}

RecordingSink::Record RecordingSink::WaitForEnd() {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&ended_));
  return record_;
}

bool RecordingSink::ended() const {
  absl::MutexLock lock(&mutex_);
  return ended_;
}

int RecordingSink::tokens() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int>(record_.tokens.size());
}

}  // namespace hekla::test
