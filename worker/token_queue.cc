#include "worker/token_queue.h"

#include <iterator>
#include <utility>

namespace hekla::worker {
namespace {

// Appends `from` to `to`.
template <typename T>
void Move(std::vector<T>* from, std::vector<T>* to) {
  to->insert(to->end(), std::make_move_iterator(from->begin()), std::make_move_iterator(from->end()));
}

}  // namespace

void TokenQueue::OnStarted(absl::Duration queue_time, int cached_tokens) {
  bool wake = false;
  {
    absl::MutexLock lock(&mutex_);
    if (closed_) return;
    waiting_.started = true;
    waiting_.queue_time = queue_time;
    waiting_.cached_tokens = cached_tokens;
    std::swap(wake, armed_);
  }
  if (!wake) return;
  if (std::shared_ptr<WriteTask> owner = owner_.lock()) loop_->Post(std::move(owner));
}

void TokenQueue::OnTokens(engine::TokenEvent event) {
  bool wake = false;
  {
    absl::MutexLock lock(&mutex_);
    if (closed_) return;
    const int before = waiting_tokens_;
    waiting_tokens_ += static_cast<int>(event.tokens.size());
    wake = (before <= soft_tokens_ && waiting_tokens_ > soft_tokens_) ||
           (before <= hard_tokens_ && waiting_tokens_ > hard_tokens_);
    if (waiting_tokens_ <= hard_tokens_) Append(std::move(event));
    wake = wake || armed_;
    armed_ = false;
  }
  if (!wake) return;
  if (std::shared_ptr<WriteTask> owner = owner_.lock()) loop_->Post(std::move(owner));
}

// An event that goes on where the last one ended becomes part of it.
void TokenQueue::Append(engine::TokenEvent event) {
  if (waiting_.events.empty()) {
    waiting_.events.push_back(std::move(event));
    return;
  }
  engine::TokenEvent& last = waiting_.events.back();
  if (event.token_offset != last.token_offset + static_cast<int>(last.tokens.size())) {
    waiting_.events.push_back(std::move(event));
    return;
  }
  Move(&event.tokens, &last.tokens);
  Move(&event.logprobs, &last.logprobs);
  Move(&event.top_logprobs, &last.top_logprobs);
  if (event.finish == schedule::FinishReason::kNone) return;
  last.finish = event.finish;
  last.error = std::move(event.error);
  last.queue_time = event.queue_time;
  last.prefill_time = event.prefill_time;
  last.decode_time = event.decode_time;
  last.cached_tokens = event.cached_tokens;
}

bool TokenQueue::Take(Taken* out, bool arm) {
  absl::MutexLock lock(&mutex_);
  *out = Taken{};
  if (waiting_.empty()) {
    armed_ = armed_ || (arm && !closed_);
    return false;
  }
  std::swap(*out, waiting_);
  if (waiting_tokens_ <= hard_tokens_) waiting_tokens_ = 0;  // past it tokens were lost, which stays so
  return true;
}

TokenQueue::Fill TokenQueue::fill() const {
  absl::MutexLock lock(&mutex_);
  if (waiting_tokens_ > hard_tokens_) return Fill::kOverHard;
  return waiting_tokens_ > soft_tokens_ ? Fill::kOverSoft : Fill::kNormal;
}

void TokenQueue::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
  armed_ = false;
  waiting_ = Taken{};
}

}  // namespace hekla::worker
