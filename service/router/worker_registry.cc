#include "service/router/worker_registry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "service/runtime/log.h"
#include "service/runtime/status.h"

namespace hekla::service {
namespace {

// Workers that went and whose faults are remembered.
constexpr size_t kMaxDeparted = 1024;

bool IsDeath(const std::string& cause) { return cause == "lease" || cause == "health"; }

}  // namespace

bool HoldsContext(const Worker& worker, int64_t tokens) {
  const int64_t limit = worker.model().limits().max_context();
  return limit == 0 || tokens <= limit;
}

absl::Status WorkerRegistry::Add(std::shared_ptr<Worker> worker) {
  std::shared_ptr<Worker> replaced;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = workers_.find(worker->id());
    if (found != workers_.end()) {
      if (found->second->registration().incarnation() >= worker->registration().incarnation()) {
        return absl::AlreadyExistsError(
            absl::StrCat("worker_id '", worker->id(), "' is attached already with incarnation ",
                         found->second->registration().incarnation(), "; this one has ",
                         worker->registration().incarnation()));
      }
      replaced = found->second;
      ++lost_total_["replaced"];
    }
    Breaker breaker(health_.breaker);
    if (replaced != nullptr) {
      breaker = replaced->breaker();
      breaker.Died(absl::Now());
    }
    if (const auto departed = departed_.find(worker->id()); departed != departed_.end()) {
      breaker = departed->second;
      departed_.erase(departed);
    }
    worker->SetHealth(breaker, health_.progress);
    workers_[worker->id()] = worker;
    known_models_.insert(worker->model().name());
  }
  if (replaced != nullptr) replaced->Lose(/*died=*/true);
  Log(LogLevel::kInfo, "worker_attached",
      {{"worker", worker->id()},
       {"endpoint", worker->registration().endpoint()},
       {"model", worker->model().name()},
       {"sequences", worker->model().limits().max_sequences()},
       {"context", worker->model().limits().max_context()},
       {"device", worker->registration().device()}});
  changed_();
  return absl::OkStatus();
}

void WorkerRegistry::Report(Worker& worker, const v1::Load& load) {
  worker.Report(load);
  changed_();
}

void WorkerRegistry::Remove(const std::shared_ptr<Worker>& worker, const std::string& cause) {
  const int inflight = worker->inflight();
  const absl::Duration silent = absl::Now() - worker->last_sign_of_life();
  const bool is_first = worker->Lose(IsDeath(cause));
  {
    absl::MutexLock lock(&mutex_);
    const auto found = workers_.find(worker->id());
    if (found != workers_.end() && found->second == worker) {
      KeepBreaker(*worker);
      workers_.erase(found);
      ++lost_total_[cause];
    }
  }
  if (!is_first) return;
  if (IsDeath(cause)) detected_(absl::ToDoubleSeconds(silent));
  Log(inflight > 0 ? LogLevel::kWarning : LogLevel::kInfo, "worker_gone",
      {{"worker", worker->id()}, {"cause", cause}, {"inflight", inflight}});
  changed_();
}

void WorkerRegistry::KeepBreaker(const Worker& worker) {
  if (departed_.size() >= kMaxDeparted) departed_.erase(departed_.begin());
  Breaker breaker = worker.breaker();
  breaker.ForgetProbe();
  departed_.insert_or_assign(worker.id(), breaker);
}

void WorkerRegistry::CheckProgress(absl::Time now) {
  bool changed = false;
  for (const std::shared_ptr<Worker>& worker : All()) {
    const bool was_stalled = worker->stalled();
    const absl::Duration silent = now - worker->last_sign_of_life();
    if (worker->CheckProgress(now)) {
      detected_(absl::ToDoubleSeconds(silent));
      Log(LogLevel::kError, "worker_stalled",
          {{"worker", worker->id()}, {"no_step_for", absl::FormatDuration(silent)}});
      absl::MutexLock lock(&mutex_);
      ++lost_total_["stalled"];
    } else if (was_stalled && !worker->stalled()) {
      Log(LogLevel::kWarning, "worker_moves_again", {{"worker", worker->id()}});
    }
    changed |= was_stalled != worker->stalled();
  }
  if (changed) changed_();
}

void WorkerRegistry::SetDraining(Worker& worker, bool draining) {
  worker.SetDraining(draining);
  Log(LogLevel::kInfo, draining ? "worker_draining" : "worker_undrained", {{"worker", worker.id()}});
  changed_();
}

std::vector<std::shared_ptr<Worker>> WorkerRegistry::All() const {
  absl::MutexLock lock(&mutex_);
  std::vector<std::shared_ptr<Worker>> all;
  all.reserve(workers_.size());
  for (const auto& [id, worker] : workers_) all.push_back(worker);
  return all;
}

absl::StatusOr<std::shared_ptr<Worker>> WorkerRegistry::Find(const std::string& id) const {
  absl::MutexLock lock(&mutex_);
  const auto found = workers_.find(id);
  if (found != workers_.end()) return found->second;
  return MakeError(absl::StatusCode::kNotFound, v1::ERROR_REASON_UNKNOWN_WORKER,
                   absl::StrCat("worker '", id, "' is not attached"));
}

absl::StatusOr<std::string> WorkerRegistry::ResolveModel(const std::string& name) const {
  absl::MutexLock lock(&mutex_);
  if (known_models_.empty() || known_models_.contains(name)) return name;
  if (!name.empty()) {
    return WithMetadata(MakeError(absl::StatusCode::kNotFound, v1::ERROR_REASON_UNKNOWN_MODEL,
                                  absl::StrCat("model '", name, "' is not served here; there is: ",
                                               absl::StrJoin(known_models_, ", "))),
                        "value", name);
  }
  if (known_models_.size() == 1) return *known_models_.begin();
  return InvalidField("model", absl::StrCat("is empty, and there are ", known_models_.size(),
                                            " models: ", absl::StrJoin(known_models_, ", ")));
}

bool WorkerRegistry::IsKnownModel(const std::string& name) const {
  absl::MutexLock lock(&mutex_);
  return known_models_.contains(name);
}

std::vector<std::string> WorkerRegistry::KnownModels() const {
  absl::MutexLock lock(&mutex_);
  return {known_models_.begin(), known_models_.end()};
}

bool WorkerRegistry::HasWorker(const std::string& model, const std::string& weights_hash,
                               int64_t min_context) const {
  absl::MutexLock lock(&mutex_);
  for (const auto& [id, worker] : workers_) {
    const bool serves = (model.empty() || worker->model().name() == model) &&
                        (weights_hash.empty() || worker->model().weights_hash() == weights_hash);
    if (serves && worker->ready() && HoldsContext(*worker, min_context)) return true;
  }
  return false;
}

std::vector<v1::Model> WorkerRegistry::Models() const {
  std::map<std::string, v1::Model> models;
  for (const std::shared_ptr<Worker>& worker : All()) {
    const auto [found, is_new] = models.try_emplace(worker->model().name(), worker->model());
    v1::Model& model = found->second;
    if (is_new) model.set_workers(0);
    model.set_workers(model.workers() + 1);
    v1::Limits& most = *model.mutable_limits();
    const v1::Limits& limits = worker->model().limits();
    most.set_max_context(std::max(most.max_context(), limits.max_context()));
    most.set_max_sequences(std::max(most.max_sequences(), limits.max_sequences()));
    most.set_max_queue(std::max(most.max_queue(), limits.max_queue()));
    most.set_kv_tokens(std::max(most.kv_tokens(), limits.kv_tokens()));
    most.set_state_slots(std::max(most.state_slots(), limits.state_slots()));
  }
  std::vector<v1::Model> sorted;
  for (auto& [name, model] : models) sorted.push_back(std::move(model));
  return sorted;
}

absl::Status WorkerRegistry::FindModel(const std::string& name, v1::Model* model) const {
  const absl::StatusOr<std::string> resolved = ResolveModel(name);
  if (!resolved.ok()) return resolved.status();
  for (v1::Model& each : Models()) {
    if (each.name() != *resolved) continue;
    *model = std::move(each);
    return absl::OkStatus();
  }
  return WithRetryAfter(MakeError(absl::StatusCode::kUnavailable, v1::ERROR_REASON_NO_WORKER,
                                  absl::StrCat("no worker for model '", *resolved, "'")),
                        absl::Seconds(1));
}

std::map<std::string, int64_t> WorkerRegistry::lost_total() const {
  absl::MutexLock lock(&mutex_);
  return lost_total_;
}

}  // namespace hekla::service
