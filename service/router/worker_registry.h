// The workers there are. A worker is a member as long as its lease lives: an Attach stream, or for one named
// by --worker a health watch. When the lease breaks the worker is gone at once and whoever runs a request
// there is told.
//
// Thread-safe.
#ifndef HEKLA_SERVICE_ROUTER_WORKER_REGISTRY_H_
#define HEKLA_SERVICE_ROUTER_WORKER_REGISTRY_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "service/router/worker.h"

namespace hekla::service {

// It can hold sequences of `tokens`, or does not say what it can hold.
bool HoldsContext(const Worker& worker, int64_t tokens);

class WorkerRegistry {
 public:
  // `changed` runs after a worker came, went, reported, or changed its state; on any thread, without locks.
  explicit WorkerRegistry(std::function<void()> changed, const WorkerHealthOptions& health = {})
      : changed_(std::move(changed)), health_(health) {}

  // ALREADY_EXISTS: a live worker has this id and the same or a later incarnation. An earlier one is
  // replaced.
  absl::Status Add(std::shared_ptr<Worker> worker);
  void Report(Worker& worker, const v1::Load& load);
  // `cause` is a label: "lease", "health", "replaced", "removed". The first two are deaths: a fault of the
  // worker, which its next incarnation inherits.
  void Remove(const std::shared_ptr<Worker>& worker, const std::string& cause);
  void SetDraining(Worker& worker, bool draining);
  // Finds workers that have work and make no step; their requests are told to leave.
  void CheckProgress(absl::Time now);

  std::vector<std::shared_ptr<Worker>> All() const;                           // by id
  absl::StatusOr<std::shared_ptr<Worker>> Find(const std::string& id) const;  // NOT_FOUND UNKNOWN_WORKER

  // The model a request means: its name, or for an empty one the only model there is. Errors: NOT_FOUND
  // UNKNOWN_MODEL; INVALID_ARGUMENT empty and several. While no worker has ever come, any name is taken as it
  // is.
  absl::StatusOr<std::string> ResolveModel(const std::string& name) const;
  bool IsKnownModel(const std::string& name) const;
  std::vector<std::string> KnownModels() const;  // served now or before
  // A worker that takes new work and holds `min_context` tokens; an empty string means any.
  bool HasWorker(const std::string& model, const std::string& weights_hash = "",
                 int64_t min_context = 0) const;

  // A model as its workers serve it together: largest limits, number of workers.
  std::vector<v1::Model> Models() const;
  // One of them; "" the only one. Errors of ResolveModel, and UNAVAILABLE NO_WORKER while nobody serves it.
  absl::Status FindModel(const std::string& name, v1::Model* model) const;

  // Workers lost since the start, by cause; "stalled" ones are still members.
  std::map<std::string, int64_t> lost_total() const;

  // `observe(seconds)` is told how long after its last sign of life a worker's death or stall was noticed.
  void OnDetect(std::function<void(double seconds)> observe) { detected_ = std::move(observe); }

 private:
  void KeepBreaker(const Worker& worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::function<void()> changed_;
  const WorkerHealthOptions health_;
  std::function<void(double seconds)> detected_ = [](double) {};
  mutable absl::Mutex mutex_;
  std::map<std::string, std::shared_ptr<Worker>> workers_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> known_models_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int64_t> lost_total_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Breaker> departed_ ABSL_GUARDED_BY(mutex_);  // by id of workers that went
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_WORKER_REGISTRY_H_
