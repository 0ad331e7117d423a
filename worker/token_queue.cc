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

void TokenQueue::Bind(engine::EngineInterface* engine, uint64_t id) {
  absl::MutexLock lock(&mutex_);
  engine_ = engine;
  id_ = id;
  if (!closed_) ParkIfFull();
}

// True: parked just now. Under the lock, or a Take in between would be overtaken by an older Park.
bool TokenQueue::ParkIfFull() {
  if (engine_ == nullptr || parked_ || waiting_tokens_ <= max_tokens_) return false;
  parked_ = true;
  engine_->Park(id_);
  return true;
}

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
    waiting_tokens_ += static_cast<int>(event.tokens.size());
    Append(std::move(event));
    const bool full = ParkIfFull();
    wake = full || armed_;
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
  Move(&event.prompt_logprobs, &last.prompt_logprobs);
  Move(&event.prompt_top_logprobs, &last.prompt_top_logprobs);
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
  waiting_tokens_ = 0;
  if (parked_) engine_->Unpark(id_);
  parked_ = false;
  return true;
}

bool TokenQueue::parked() const {
  absl::MutexLock lock(&mutex_);
  return parked_;
}

void TokenQueue::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
  armed_ = false;
  waiting_ = Taken{};
}

}  // namespace hekla::worker
