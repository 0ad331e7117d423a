// Where the engine's thread leaves the events of one request and the writing side takes them: the second of
// the two thread crossings. It never blocks the engine. It is bounded: with more than `max_tokens` waiting
// the engine parks the request, so that only the tokens of steps in flight come after them, and the owner is
// woken to look at how slow its client is. When the owner takes what waits the request goes on. Log
// probabilities of the prompt are bounded by its length, (1 + kMaxLogprobs) pairs a token.
//
// Thread rule: any thread; the engine is called with the queue locked, and calls the queue with nothing
// locked. Lifetime: the engine holds it until the request's last event; the owner may be gone before.
#ifndef HEKLA_WORKER_TOKEN_QUEUE_H_
#define HEKLA_WORKER_TOKEN_QUEUE_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "worker/engine/engine_interface.h"
#include "worker/write_loop.h"

namespace hekla::worker {

class TokenQueue : public engine::TokenSink {
 public:
  struct Taken {
    bool started = false;  // OnStarted came since the last Take
    absl::Duration queue_time;
    int cached_tokens = 0;
    std::vector<engine::TokenEvent> events;
    bool empty() const { return !started && events.empty(); }
  };

  TokenQueue(WriteLoop* loop, std::weak_ptr<WriteTask> owner, int max_tokens)
      : loop_(loop), owner_(std::move(owner)), max_tokens_(max_tokens) {}

  // The request whose events come here. Once, after the engine has taken it; events may have come before.
  void Bind(engine::EngineInterface* engine, uint64_t id);

  void OnStarted(absl::Duration queue_time, int cached_tokens) override;
  void OnTokens(engine::TokenEvent event) override;

  // All that waits. False when nothing does; with `arm` the owner is then posted to the loop with the next
  // event.
  bool Take(Taken* out, bool arm);
  // Too much waits: the engine was told to park the request.
  bool parked() const;
  // Drops what waits and what comes; the owner is not posted again.
  void Close();

 private:
  void Append(engine::TokenEvent event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool ParkIfFull() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  WriteLoop* const loop_;
  const std::weak_ptr<WriteTask> owner_;
  const int max_tokens_;
  mutable absl::Mutex mutex_;
  Taken waiting_ ABSL_GUARDED_BY(mutex_);
  int waiting_tokens_ ABSL_GUARDED_BY(mutex_) = 0;
  bool armed_ ABSL_GUARDED_BY(mutex_) = true;  // the owner wants to hear of the next event
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  engine::EngineInterface* engine_ ABSL_GUARDED_BY(mutex_) = nullptr;  // null = not bound yet
  uint64_t id_ ABSL_GUARDED_BY(mutex_) = 0;
  bool parked_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_TOKEN_QUEUE_H_
