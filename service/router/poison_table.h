// Requests that ended several workers, by fingerprint: what is in here is refused for a while. Bounded: the
// oldest entry goes first. Thread-safe; times come from the caller.
#ifndef HEKLA_SERVICE_ROUTER_POISON_TABLE_H_
#define HEKLA_SERVICE_ROUTER_POISON_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "hekla/v1/inference.pb.h"

namespace hekla::service {

// A request that was at this many workers that died is poison.
inline constexpr size_t kPoisonDeaths = 2;

// Of model, prompt and sampling as the client gave them: the same for the same request sent again.
uint64_t Fingerprint(const v1::GenerateRequest& request);

class PoisonTable {
 public:
  explicit PoisonTable(absl::Duration duration = absl::Minutes(10), size_t max_entries = 4096)
      : duration_(duration), max_entries_(max_entries) {}

  void Add(uint64_t fingerprint, absl::Time now);
  // How long it is still refused; zero: it is not.
  absl::Duration RefusedFor(uint64_t fingerprint, absl::Time now);

 private:
  void Forget(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const absl::Duration duration_;
  const size_t max_entries_;
  absl::Mutex mutex_;
  std::deque<std::pair<absl::Time, uint64_t>> by_end_ ABSL_GUARDED_BY(mutex_);  // oldest first
  absl::flat_hash_map<uint64_t, absl::Time> ends_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_POISON_TABLE_H_
