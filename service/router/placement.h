// What a request needs of a worker, and which worker of a pool it gets: session first, then the prefix that a
// worker has seen, then the least wait. Not thread-safe: a Pool is one moment's view of the workers.
#ifndef HEKLA_SERVICE_ROUTER_PLACEMENT_H_
#define HEKLA_SERVICE_ROUTER_PLACEMENT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "service/router/prefix_index.h"
#include "service/router/session_table.h"
#include "service/router/worker.h"

namespace hekla::service {

struct WorkerNeed {
  std::string model;
  std::string weights_hash;   // empty: any; else only workers with this one
  std::string tenant;         // who shares the queue fairly
  int priority = 1;           // 0 batch, 1 normal, 2 interactive
  int64_t prompt_tokens = 0;  // estimate
  int64_t max_output = 0;     // tokens
  int64_t min_context = 0;    // of the worker, in tokens
  absl::Time arrived;
  absl::Time queue_end;  // RESOURCE_EXHAUSTED QUEUE_TIMEOUT from then on
  absl::Time deadline = absl::InfiniteFuture();
  absl::Time hold_until = absl::InfinitePast();  // it stays queued until then
  std::vector<std::shared_ptr<Worker>> tried;    // avoided while there is another one
  std::shared_ptr<const PrefixKeys> prefix;      // of the prompt; nullptr: not known
  std::string session;                           // empty: none
  bool session_required = false;                 // only where the session's state is
};

enum class RouteBranch { kSession, kPrefix, kLeastWait, kPanic };
const char* RouteBranchName(RouteBranch branch);  // "session", "prefix", "least_wait", "panic"

struct Placed {
  int worker = -1;  // in the pool; -1: none now
  RouteBranch branch = RouteBranch::kLeastWait;
  double matched_share = 0;
  bool session_lost = false;  // and there will be none
};

class Pool {
 public:
  // The workers of one model.
  explicit Pool(std::vector<std::shared_ptr<Worker>> workers);

  Placed Place(const WorkerNeed& need, const SessionTable& sessions, uint64_t random) const;
  const std::shared_ptr<Worker>& worker(int index) const { return workers_[static_cast<size_t>(index)]; }
  // The worker got a request.
  void Refresh(int index);
  // Some worker would take some request.
  bool HasRoom() const;
  // nullopt: not known. `ahead`: requests that wait before this one.
  std::optional<double> StartSeconds(const WorkerNeed& need, int ahead) const;
  // The largest share of the prompt that a worker has seen.
  double BestMatchedShare(const PrefixKeys& prompt) const;

 private:
  // The candidates that `need` may use at all.
  std::vector<Candidate> Fitting(const WorkerNeed& need) const;
  Placed PlaceSession(const WorkerNeed& need, const std::vector<Candidate>& fitting,
                      const SessionTable& sessions) const;

  std::vector<std::shared_ptr<Worker>> workers_;
  std::vector<Candidate> candidates_;
  bool is_panic_ = false;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_PLACEMENT_H_
