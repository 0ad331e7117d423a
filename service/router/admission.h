// PURE: the bounded queue in front of the workers. It knows no clock: times are microseconds that the caller
// gives.
//
// Between the tenants of a model: deficit round robin (Shreedhar and Varghese, 1995) by token cost, so that a
// tenant gets its share however much another one sends. Who sends little saves up turns, and spends them before
// the round goes on: it hardly waits. Inside a tenant: arrival, with a head start of
// kHeadStartMicros for each priority above BATCH. So an interactive request passes the batch work of the last
// seconds, and nothing waits for ever. A full queue is shared too: a newcomer of a tenant with less in it
// pushes out the last request of the tenant with the most.
#ifndef HEKLA_SERVICE_ROUTER_ADMISSION_H_
#define HEKLA_SERVICE_ROUTER_ADMISSION_H_

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace hekla::service {

inline constexpr int64_t kHeadStartMicros = 5'000'000;
// Cost that a tenant may spend in its turn.
inline constexpr int64_t kQuantum = 1024;
// What a tenant may save up while it has nothing waiting.
inline constexpr int64_t kMaxCredit = 16 * kQuantum;
// Of an output token beside an uncached prompt token.
inline constexpr int64_t kOutputCost = 4;

struct QueuedRequest {
  uint64_t id = 0;  // unique among the queued
  std::string model;
  std::string tenant = "";
  int priority = 1;  // 0 batch, 1 normal, 2 interactive
  int64_t arrived_us = 0;
  int64_t expires_us = 0;     // leaves the queue by TakeExpired() from then on
  int64_t prompt_tokens = 0;  // estimate
  int64_t cost = 0;           // uncached prompt tokens + kOutputCost x longest output
  bool is_back = false;       // set by AddBack()
};

class Admission {
 public:
  enum class Verdict {
    kTake,  // it leaves the queue, its tenant pays
    kDrop,  // it leaves the queue
    kSkip,  // it stays, the next one is shown
    kStop,  // it stays, nothing more is shown
  };

  explicit Admission(int max_queued) : max_queued_(max_queued) {}

  // False, and nothing changed, when max_queued requests wait and its tenant has as much in the queue as any
  // other. Else it is queued; `pushed_out` is who had to leave for it. O(1) when refused, else O(log queued).
  bool Add(QueuedRequest request, std::optional<uint64_t>* pushed_out);

  // A request that comes back after it had been let out: it keeps its arrival, costs nothing, is never refused
  // and never pushed out.
  void AddBack(QueuedRequest request);

  // False when it is not queued.
  bool Remove(uint64_t id);

  // Shows a model's requests in the order in which they are to be served. `visit` must not change the queue.
  void Match(const std::string& model, const std::function<Verdict(const QueuedRequest&)>& visit);

  // All of a model's requests, tenant by tenant, each in order, until `visit` returns false.
  void Visit(const std::string& model, const std::function<bool(const QueuedRequest&)>& visit) const;

  // Requests that would be served before one more of this tenant, about.
  int AheadOf(const std::string& model, const std::string& tenant) const;

  // Models with at least one queued request.
  std::vector<std::string> Models() const;

  // Takes out what expired at or before `now_us`.
  std::vector<uint64_t> TakeExpired(int64_t now_us);

  int size() const { return static_cast<int>(requests_.size()); }
  int max_queued() const { return max_queued_; }
  void set_max_queued(int max_queued) { max_queued_ = max_queued; }  // who waits already stays
  int64_t queued_tokens() const { return queued_tokens_; }

 private:
  using Place = std::pair<int64_t, uint64_t>;  // arrival less head start, id
  struct TenantQueue {
    std::set<Place> order;
    int64_t deficit = kQuantum;
    bool has_quantum = false;  // it got it for this turn
    bool goes_first = false;   // it stands in ModelQueue::first
    std::list<std::string>::iterator turn;
  };
  struct ModelQueue {
    std::map<std::string, TenantQueue> tenants;  // those that have nothing waiting save up
    std::list<std::string> first, ring;  // whose turns come first, and after them; each tenant is in one of them
    int size = 0;                        // requests
  };
  // Where a Match() is: the last place it skipped, by tenant.
  using Skipped = std::map<std::string, Place>;

  void Insert(QueuedRequest request);
  static Place PlaceOf(const QueuedRequest& request);
  static const Place* NextOf(const ModelQueue& queue, const std::string& tenant, const Skipped& skipped);
  static const std::string& FirstOf(const ModelQueue& queue);
  static void PassTurn(ModelQueue* queue);
  bool GrantRounds(ModelQueue* queue, const Skipped& skipped) const;
  std::optional<uint64_t> LastOf(const std::string& tenant) const;
  void Count(const std::string& tenant, int change);

  int max_queued_;
  absl::flat_hash_map<uint64_t, QueuedRequest> requests_;
  std::map<std::string, ModelQueue> models_;
  absl::flat_hash_map<std::string, int> counts_;  // by tenant
  std::set<std::pair<int, std::string>> by_count_;
  std::set<std::pair<int64_t, uint64_t>> expiry_;  // expires_us, id
  int64_t queued_tokens_ = 0;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_ADMISSION_H_
