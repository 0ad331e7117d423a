// The requests in flight on this worker by their id: duplicates are refused, the router and drain can end
// them. Thread rule: any thread; Abort() is called with no lock held.
#ifndef HEKLA_WORKER_INFLIGHT_H_
#define HEKLA_WORKER_INFLIGHT_H_

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace hekla::worker {

class Abortable {
 public:
  virtual ~Abortable() = default;
  // Ends the request with `status`, soon. Any thread.
  virtual void Abort(absl::Status status) = 0;
};

class Inflight {
 public:
  // False: the id is in flight already.
  bool Add(const std::string& request_id, std::weak_ptr<Abortable> request);
  void Remove(const std::string& request_id);

  // False: no such request.
  bool Abort(const std::string& request_id, absl::Status status);
  void AbortAll(absl::Status status);

  int size() const;
  // True once nothing is in flight; false after `timeout`.
  bool AwaitEmpty(absl::Duration timeout) const;

 private:
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::weak_ptr<Abortable>> requests_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_INFLIGHT_H_
