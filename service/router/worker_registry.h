// The workers there are. A worker is a member as long as its lease lives: an Attach stream, or for one named
// by --worker a health watch. When the lease breaks the worker is gone at once and whoever runs a request
// there is told.
//
// Thread-safe. A Worker is shared by the registry and the requests that run on it.
#ifndef HEKLA_SERVICE_ROUTER_WORKER_REGISTRY_H_
#define HEKLA_SERVICE_ROUTER_WORKER_REGISTRY_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "hekla/v1/admin.pb.h"
#include "hekla/v1/inference.grpc.pb.h"
#include "hekla/v1/worker.pb.h"
#include "service/router/routing_policy.h"

namespace hekla::service {

class Worker {
 public:
  // Sends a command to the worker; does nothing once the lease is gone.
  using SendCommand = std::function<void(const v1::RouterCommand&)>;

  Worker(v1::Registration registration, bool is_static, std::shared_ptr<grpc::Channel> channel,
         SendCommand send);

  const std::string& id() const { return registration_.worker_id(); }
  const v1::Registration& registration() const { return registration_; }
  const v1::Model& model() const { return registration_.model(); }
  bool is_static() const { return is_static_; }
  v1::Inference::Stub& stub() { return *stub_; }
  absl::Time attached_at() const { return attached_at_; }

  void Report(const v1::Load& load);
  void SetDraining(bool draining);
  bool draining() const;
  void Send(const v1::RouterCommand& command) const { send_(command); }

  // Whatever the worker's reports do not say yet of the requests that this router has there.
  void AddRequest(int64_t prompt_tokens);
  void RemoveRequest();
  void PromptComputed(int64_t prompt_tokens);

  // It said that it is full: nothing more is sent for kFullPause, until its next report or until a request
  // there ends.
  void MarkFull();

  // Room and load, `usable` as far as the worker itself is concerned.
  Candidate AsCandidate() const;
  v1::WorkerState State() const;
  int inflight() const;

  // `told` runs once when the lease is lost, on any thread. 0 when it is lost already and `told` will not
  // run.
  uint64_t OnLoss(std::function<void()> told);
  void ForgetLoss(uint64_t id);
  bool lost() const;

  // Ends the membership: runs every OnLoss() function. The first call returns true.
  bool Lose();

 private:
  const v1::Registration registration_;
  const bool is_static_;
  const std::unique_ptr<v1::Inference::Stub> stub_;
  const SendCommand send_;
  const absl::Time attached_at_;

  mutable absl::Mutex mutex_;
  v1::Load load_ ABSL_GUARDED_BY(mutex_);
  absl::Time reported_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;  // by an operator
  absl::Time full_until_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  bool lost_ ABSL_GUARDED_BY(mutex_) = false;
  int inflight_ ABSL_GUARDED_BY(mutex_) = 0;           // this router's requests
  int others_ ABSL_GUARDED_BY(mutex_) = 0;             // other clients' requests when it last reported
  int64_t prompt_tokens_ ABSL_GUARDED_BY(mutex_) = 0;  // of this router's requests without a first token
  uint64_t next_listener_ ABSL_GUARDED_BY(mutex_) = 1;
  absl::flat_hash_map<uint64_t, std::function<void()>> listeners_ ABSL_GUARDED_BY(mutex_);
};

class WorkerRegistry {
 public:
  // `changed` runs after a worker came, went, reported, or changed its state; on any thread, without locks.
  explicit WorkerRegistry(std::function<void()> changed) : changed_(std::move(changed)) {}

  // ALREADY_EXISTS: a live worker has this id and the same or a later incarnation. An earlier one is
  // replaced.
  absl::Status Add(std::shared_ptr<Worker> worker);
  void Report(Worker& worker, const v1::Load& load);
  // `cause` is a label: "lease", "health", "replaced", "removed".
  void Remove(const std::shared_ptr<Worker>& worker, const std::string& cause);
  void SetDraining(Worker& worker, bool draining);

  std::vector<std::shared_ptr<Worker>> All() const;                           // by id
  absl::StatusOr<std::shared_ptr<Worker>> Find(const std::string& id) const;  // NOT_FOUND UNKNOWN_WORKER

  // The model a request means: its name, or for an empty one the only model there is. Errors: NOT_FOUND
  // UNKNOWN_MODEL; INVALID_ARGUMENT empty and several. While no worker has ever come, any name is taken as it
  // is.
  absl::StatusOr<std::string> ResolveModel(const std::string& name) const;
  bool IsKnownModel(const std::string& name) const;
  std::vector<std::string> KnownModels() const;  // served now or before
  // A worker that takes new work; an empty string means any.
  bool HasWorker(const std::string& model, const std::string& weights_hash = "") const;

  // A model as its workers serve it together: largest limits, number of workers.
  std::vector<v1::Model> Models() const;
  // One of them; "" the only one. Errors of ResolveModel, and UNAVAILABLE NO_WORKER while nobody serves it.
  absl::Status FindModel(const std::string& name, v1::Model* model) const;

  // Workers lost since the start, by cause.
  std::map<std::string, int64_t> lost_total() const;

 private:
  const std::function<void()> changed_;
  mutable absl::Mutex mutex_;
  std::map<std::string, std::shared_ptr<Worker>> workers_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> known_models_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int64_t> lost_total_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_WORKER_REGISTRY_H_
