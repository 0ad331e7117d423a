// What other threads hand to the engine's thread: requests, at most `capacity` of them, cancels, and who is
// to be parked or not.
//
// Put, PutCancel and PutParked: any thread. Take and Wait: the engine's thread.
#ifndef HEKLA_WORKER_ENGINE_MAILBOX_H_
#define HEKLA_WORKER_ENGINE_MAILBOX_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "worker/engine/engine_interface.h"
#include "worker/schedule/request.h"

namespace hekla::engine {

struct Submission {
  schedule::Request request;
  std::shared_ptr<TokenSink> sink;
  int64_t submitted_us = 0;  // on the engine's clock
};

struct Mail {
  std::vector<Submission> submissions;           // in the order they came
  std::vector<uint64_t> cancels;                 // each id once; their submissions came earlier or with them
  std::vector<std::pair<uint64_t, bool>> parks;  // each id once, parked or not; as for cancels
  bool closed = false;

  void Clear() {
    submissions.clear(), cancels.clear(), parks.clear();
    closed = false;
  }
};

class Mailbox {
 public:
  explicit Mailbox(int capacity) : capacity_(capacity) {}

  // False: full or closed; *submission is then untouched.
  bool Put(Submission* submission);

  // Repeats of an id count once, so the caller bounds cancels by putting only ids of live requests.
  void PutCancel(uint64_t id);

  // The last word on an id counts. Bounded by the caller as cancels are.
  void PutParked(uint64_t id, bool parked);

  // Nothing can be put any more. What is in the box can still be taken.
  void Close();

  // Replaces *mail with everything in the box.
  void Take(Mail* mail);

  // Returns when the box is not empty or closed, or after `limit`.
  void Wait(absl::Duration limit = absl::InfiniteDuration());

 private:
  const int capacity_;
  absl::Mutex mutex_;
  std::vector<Submission> submissions_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<uint64_t> cancels_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<uint64_t, bool> parks_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace hekla::engine

#endif  // HEKLA_WORKER_ENGINE_MAILBOX_H_
