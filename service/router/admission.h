// PURE: the bounded queue in front of the workers. It knows no clock: times are microseconds that the caller
// gives.
//
// Order inside a model: arrival, with a head start of kHeadStartMicros for each priority above BATCH. So an
// interactive request passes the batch work of the last seconds, and nothing waits for ever.
#ifndef HEKLA_SERVICE_ROUTER_ADMISSION_H_
#define HEKLA_SERVICE_ROUTER_ADMISSION_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace hekla::service {

inline constexpr int64_t kHeadStartMicros = 5'000'000;

struct QueuedRequest {
  uint64_t id = 0;  // unique among the queued
  std::string model;
  int priority = 1;  // 0 batch, 1 normal, 2 interactive
  int64_t arrived_us = 0;
  int64_t expires_us = 0;     // leaves the queue by TakeExpired() from then on
  int64_t prompt_tokens = 0;  // estimate
};

class Admission {
 public:
  explicit Admission(int max_queued) : max_queued_(max_queued) {}

  // False, and nothing changed, when max_queued requests wait. O(1) when full, else O(log queued).
  bool Add(QueuedRequest request);

  // A request that comes back after it had been let out: it keeps its arrival and is never refused.
  void AddBack(QueuedRequest request);

  // False when it is not queued.
  bool Remove(uint64_t id);

  // Visits a model's requests in order until `visit` returns false. `visit` must not change the queue.
  void Visit(const std::string& model, const std::function<bool(const QueuedRequest&)>& visit) const;

  // Models with at least one queued request.
  std::vector<std::string> Models() const;

  // Takes out what expired at or before `now_us`.
  std::vector<uint64_t> TakeExpired(int64_t now_us);

  int size() const { return static_cast<int>(requests_.size()); }
  int max_queued() const { return max_queued_; }
  int64_t queued_tokens() const { return queued_tokens_; }

 private:
  using Place = std::pair<int64_t, uint64_t>;  // arrival less head start, id
  static Place PlaceOf(const QueuedRequest& request);

  const int max_queued_;
  absl::flat_hash_map<uint64_t, QueuedRequest> requests_;
  std::map<std::string, std::set<Place>> order_;   // by model
  std::set<std::pair<int64_t, uint64_t>> expiry_;  // expires_us, id
  int64_t queued_tokens_ = 0;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_ADMISSION_H_
