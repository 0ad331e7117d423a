// The calls of clients, from their arrival until gRPC has sent the last of them: waited for before the
// process ends. Thread-safe. Outlives its places.
#ifndef HEKLA_SERVICE_RUNTIME_OPEN_CALLS_H_
#define HEKLA_SERVICE_RUNTIME_OPEN_CALLS_H_

#include <cstdint>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace hekla::service {

class OpenCalls {
 public:
  // A member of a call's reactor, which deletes itself in OnDone().
  class Place {
   public:
    explicit Place(OpenCalls* calls) : calls_(calls), number_(calls->Add()) {}
    Place(const Place&) = delete;
    ~Place() { calls_->Remove(number_); }

   private:
    OpenCalls* const calls_;
    const uint64_t number_;
  };

  // True once all calls that there are now have ended, whatever has come since; false when `limit` went by
  // first.
  bool AwaitPresent(absl::Duration limit) const;

 private:
  uint64_t Add();
  void Remove(uint64_t number);

  mutable absl::Mutex mutex_;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<uint64_t> open_ ABSL_GUARDED_BY(mutex_);  // their numbers, in the order of arrival
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_OPEN_CALLS_H_
