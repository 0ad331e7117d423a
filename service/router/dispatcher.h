// Brings waiting requests and free workers together: Admission says who is next, the routing policy where to.
//
// A request is matched when it arrives, when a worker comes or reports, and when a request ends. A Claim is a
// request's place at a worker; dropping it frees the place and matches the next one. Thread-safe. Callbacks
// run without locks, on whichever thread made the match possible.
#ifndef HEKLA_SERVICE_ROUTER_DISPATCHER_H_
#define HEKLA_SERVICE_ROUTER_DISPATCHER_H_

#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "service/router/admission.h"
#include "service/router/placement.h"
#include "service/router/session_table.h"
#include "service/router/worker_registry.h"

namespace hekla::service {

class Dispatcher;

// How a request came to its worker.
struct Assignment {
  int64_t uncached_tokens = 0;  // of its prompt, expected
  RouteBranch branch = RouteBranch::kLeastWait;
  bool is_probe = false;  // of the worker's breaker
};

class Claim {
 public:
  Claim(Dispatcher* dispatcher, std::shared_ptr<Worker> worker, const Assignment& assignment);
  Claim(Claim&& other) noexcept;
  Claim& operator=(Claim&&) = delete;
  ~Claim();

  const std::shared_ptr<Worker>& worker() const { return worker_; }
  RouteBranch branch() const { return assignment_.branch; }
  // The first token is there: the prompt is no work to come any more.
  void PromptComputed();
  // What the end of the request says about the worker.
  void Judge(WorkerVerdict verdict) { verdict_ = verdict; }
  // It does its work: a probe need not last as long as the request.
  void ProbeSucceeded();
  // The worker refused the request for want of room.
  void WorkerIsFull() { worker_is_full_ = true; }

 private:
  Dispatcher* dispatcher_;
  std::shared_ptr<Worker> worker_;  // nullptr after a move
  Assignment assignment_;
  WorkerVerdict verdict_ = WorkerVerdict::kNone;
  bool worker_is_full_ = false;
};

class Dispatcher {
 public:
  struct Options {
    int max_queued = 1024;
    absl::Duration worker_wait =
        absl::Seconds(2);  // how long a request waits for a first worker of its model
  };
  // One of the two is called once for each queued request that is not removed.
  class Waiter {
   public:
    virtual ~Waiter() = default;
    virtual void OnWorker(Claim claim) = 0;
    virtual void OnRefused(absl::Status status) = 0;
  };

  Dispatcher(const Options& options, WorkerRegistry* registry);
  ~Dispatcher();

  // `id` is unique among the queued. May call the waiter before it returns. Errors: RESOURCE_EXHAUSTED
  // QUEUE_FULL, UNAVAILABLE DRAINING, DEADLINE_EXCEEDED when the deadline is before the estimated start; the
  // waiter is not called then.
  absl::Status Enqueue(uint64_t id, WorkerNeed need, std::shared_ptr<Waiter> waiter);

  // For a request that has been let out before: it is not refused.
  void EnqueueAgain(uint64_t id, WorkerNeed need, std::shared_ptr<Waiter> waiter);

  // True: it was queued, and the waiter will not be called. False: the waiter has been or is being called.
  bool Remove(uint64_t id);

  // Matches what can be matched.
  void Pump();

  // From now on.
  void SetOptions(const Options& options);

  // New requests are refused from now on; queued ones still get their turn.
  void Drain();

  int queued() const;
  int64_t queued_tokens() const;

 private:
  struct Waiting {
    WorkerNeed need;
    std::shared_ptr<Waiter> waiter;
  };
  struct Match {
    std::shared_ptr<Waiter> waiter;
    std::shared_ptr<Worker> worker;
    Assignment assignment;
  };
  using Refusals = std::vector<std::pair<std::shared_ptr<Waiter>, absl::Status>>;
  // Of a round of matching; told to the waiters without the lock.
  struct Outcome {
    std::vector<Match> matches;
    Refusals refusals;
  };

  static QueuedRequest Describe(uint64_t id, const WorkerNeed& need);
  Pool PoolOf(const std::string& model) const;
  absl::Status CheckDeadline(const WorkerNeed& need, const Pool& pool) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Outcome MatchAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Deliver(Outcome outcome);
  void MatchModel(const std::string& model, Outcome* outcome) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Admission::Verdict MatchOne(const QueuedRequest& queued, Pool* pool, Outcome* outcome)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Refuse(uint64_t id, absl::Status status, Refusals* refusals) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TakeTimedOut(absl::Time now, Refusals* refusals) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TakeWithoutWorker(absl::Time now, Refusals* refusals) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ExpireLoop();

  WorkerRegistry* const registry_;
  mutable absl::Mutex mutex_;
  Options options_ ABSL_GUARDED_BY(mutex_);
  Admission admission_ ABSL_GUARDED_BY(mutex_);
  SessionTable sessions_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<uint64_t, Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, absl::Time> no_worker_since_ ABSL_GUARDED_BY(mutex_);  // by model#hash#context
  std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_){std::random_device{}()};
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::CondVar changed_;
  std::thread expire_thread_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_DISPATCHER_H_
