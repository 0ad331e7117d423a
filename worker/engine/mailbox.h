// What other threads hand to the engine's thread: requests, at most `capacity` of them, and cancels.
//
// Put and PutCancel: any thread. Take and Wait: the engine's thread.
#ifndef HEKLA_WORKER_ENGINE_MAILBOX_H_
#define HEKLA_WORKER_ENGINE_MAILBOX_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "worker/engine/engine_interface.h"
#include "worker/schedule/request.h"

namespace hekla::engine {

struct Submission {
  schedule::Request request;
  std::shared_ptr<TokenSink> sink;
  int64_t submitted_us = 0;  // on the engine's clock
};

struct Mail {
  std::vector<Submission> submissions;  // in the order they came
  std::vector<uint64_t> cancels;        // each id once; their submissions came earlier or with them
  bool closed = false;

  void Clear() {
    submissions.clear(), cancels.clear();
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

  // Nothing can be put any more. What is in the box can still be taken.
  void Close();

  // Replaces *mail with everything in the box.
  void Take(Mail* mail);

  // Returns when the box is not empty, or closed.
  void Wait();

 private:
  const int capacity_;
  absl::Mutex mutex_;
  std::vector<Submission> submissions_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<uint64_t> cancels_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace hekla::engine

#endif  // HEKLA_WORKER_ENGINE_MAILBOX_H_
