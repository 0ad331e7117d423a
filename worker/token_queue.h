// Where the engine's thread leaves the events of one request and the writing side takes them: the second of
// the two thread crossings. It never blocks the engine. A TokenQueue is bounded by its reader: past
// `soft_tokens` the owner is woken and asked to look at how slow its client is; past `hard_tokens` it says so
// and keeps nothing more.
//
// Thread rule: any thread. Lifetime: the engine holds it until the request's last event; the owner may be
// gone before.
#ifndef HEKLA_WORKER_TOKEN_QUEUE_H_
#define HEKLA_WORKER_TOKEN_QUEUE_H_

#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "worker/engine/engine_interface.h"
#include "worker/write_loop.h"

namespace hekla::worker {

class TokenQueue : public engine::TokenSink {
 public:
  enum class Fill { kNormal, kOverSoft, kOverHard };

  struct Taken {
    bool started = false;  // OnStarted came since the last Take
    absl::Duration queue_time;
    int cached_tokens = 0;
    std::vector<engine::TokenEvent> events;
    bool empty() const { return !started && events.empty(); }
  };

  TokenQueue(WriteLoop* loop, std::weak_ptr<WriteTask> owner, int soft_tokens, int hard_tokens)
      : loop_(loop), owner_(std::move(owner)), soft_tokens_(soft_tokens), hard_tokens_(hard_tokens) {}

  void OnStarted(absl::Duration queue_time, int cached_tokens) override;
  void OnTokens(engine::TokenEvent event) override;

  // All that waits. False when nothing does; with `arm` the owner is then posted to the loop with the next
  // event.
  bool Take(Taken* out, bool arm);
  Fill fill() const;
  // Drops what waits and what comes; the owner is not posted again.
  void Close();

 private:
  void Append(engine::TokenEvent event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  WriteLoop* const loop_;
  const std::weak_ptr<WriteTask> owner_;
  const int soft_tokens_, hard_tokens_;
  mutable absl::Mutex mutex_;
  Taken waiting_ ABSL_GUARDED_BY(mutex_);
  int waiting_tokens_ ABSL_GUARDED_BY(mutex_) = 0;
  bool armed_ ABSL_GUARDED_BY(mutex_) = true;  // the owner wants to hear of the next event
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_TOKEN_QUEUE_H_
