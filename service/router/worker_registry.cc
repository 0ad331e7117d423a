#include "service/router/worker_registry.h"

#include <grpcpp/channel.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "service/runtime/log.h"
#include "service/runtime/status.h"
#include "service/runtime/time.h"

namespace hekla::service {
namespace {

// Of a worker that does not say how many sequences it runs.
constexpr int kUsualSequences = 8;
constexpr absl::Duration kFullPause = absl::Milliseconds(100);

// Requests kept ready at a worker beyond those that run, so that a place that becomes free is filled at once.
int LookAhead(int sequences) { return std::max(1, sequences / 4); }

}  // namespace

Worker::Worker(v1::Registration registration, bool is_static, std::shared_ptr<grpc::Channel> channel,
               SendCommand send)
    : registration_(std::move(registration)),
      is_static_(is_static),
      stub_(v1::Inference::NewStub(std::shared_ptr<grpc::ChannelInterface>(channel))),
      send_(std::move(send)),
      attached_at_(absl::Now()) {}

void Worker::Report(const v1::Load& load) {
  absl::MutexLock lock(&mutex_);
  load_ = load;
  reported_at_ = absl::Now();
  full_until_ = absl::InfinitePast();
  others_ = std::max(0, static_cast<int>(load.running() + load.waiting()) - inflight_);
}

void Worker::SetDraining(bool draining) {
  absl::MutexLock lock(&mutex_);
  draining_ = draining;
}

bool Worker::draining() const {
  absl::MutexLock lock(&mutex_);
  return draining_ || load_.draining();
}

void Worker::AddRequest(int64_t prompt_tokens) {
  absl::MutexLock lock(&mutex_);
  ++inflight_;
  prompt_tokens_ += prompt_tokens;
}

void Worker::RemoveRequest() {
  absl::MutexLock lock(&mutex_);
  --inflight_;
  full_until_ = absl::InfinitePast();
}

void Worker::PromptComputed(int64_t prompt_tokens) {
  absl::MutexLock lock(&mutex_);
  prompt_tokens_ -= prompt_tokens;
}

void Worker::MarkFull() {
  absl::MutexLock lock(&mutex_);
  full_until_ = absl::Now() + kFullPause;
}

Candidate Worker::AsCandidate() const {
  absl::MutexLock lock(&mutex_);
  Candidate candidate;
  candidate.usable = !draining_ && !load_.draining() && absl::Now() >= full_until_ && !lost_;
  candidate.inflight = inflight_ + others_;
  const uint32_t said = registration_.model().limits().max_sequences();
  candidate.sequences = said > 0 ? static_cast<int>(said) : kUsualSequences;
  candidate.capacity = candidate.sequences + LookAhead(candidate.sequences);
  candidate.queued_tokens =
      static_cast<double>(std::max(prompt_tokens_, static_cast<int64_t>(load_.queued_uncached_tokens())));
  candidate.prefill_tokens_per_second = load_.prefill_tokens_per_second();
  candidate.step_seconds = load_.step_seconds();
  return candidate;
}

v1::WorkerState Worker::State() const {
  absl::MutexLock lock(&mutex_);
  v1::WorkerState state;
  state.set_worker_id(id());
  state.set_state(draining_ || load_.draining() ? v1::WorkerState::DRAINING : v1::WorkerState::READY);
  state.set_endpoint(registration_.endpoint());
  *state.mutable_model() = registration_.model();
  state.set_device(registration_.device());
  state.set_version(registration_.version());
  *state.mutable_load() = load_;
  const absl::Time now = absl::Now();
  if (reported_at_ != absl::InfinitePast()) *state.mutable_report_age() = ToProto(now - reported_at_);
  *state.mutable_lease_age() = ToProto(now - attached_at_);
  state.set_inflight(static_cast<uint32_t>(inflight_));
  state.set_is_static(is_static_);
  return state;
}

int Worker::inflight() const {
  absl::MutexLock lock(&mutex_);
  return inflight_;
}

uint64_t Worker::OnLoss(std::function<void()> told) {
  absl::MutexLock lock(&mutex_);
  if (lost_) return 0;
  listeners_.emplace(next_listener_, std::move(told));
  return next_listener_++;
}

bool Worker::lost() const {
  absl::MutexLock lock(&mutex_);
  return lost_;
}

void Worker::ForgetLoss(uint64_t id) {
  absl::MutexLock lock(&mutex_);
  listeners_.erase(id);
}

bool Worker::Lose() {
  absl::flat_hash_map<uint64_t, std::function<void()>> listeners;
  {
    absl::MutexLock lock(&mutex_);
    if (lost_) return false;
    lost_ = true;
    listeners.swap(listeners_);
  }
  for (auto& [id, told] : listeners) told();
  return true;
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
    workers_[worker->id()] = worker;
    known_models_.insert(worker->model().name());
  }
  if (replaced != nullptr) replaced->Lose();
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
  {
    absl::MutexLock lock(&mutex_);
    const auto found = workers_.find(worker->id());
    if (found != workers_.end() && found->second == worker) {
      workers_.erase(found);
      ++lost_total_[cause];
    }
  }
  const int inflight = worker->inflight();
  if (!worker->Lose()) return;
  Log(inflight > 0 ? LogLevel::kWarning : LogLevel::kInfo, "worker_gone",
      {{"worker", worker->id()}, {"cause", cause}, {"inflight", inflight}});
  changed_();
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

bool WorkerRegistry::HasWorker(const std::string& model, const std::string& weights_hash) const {
  absl::MutexLock lock(&mutex_);
  for (const auto& [id, worker] : workers_) {
    const bool serves = (model.empty() || worker->model().name() == model) &&
                        (weights_hash.empty() || worker->model().weights_hash() == weights_hash);
    if (serves && !worker->draining()) return true;
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
