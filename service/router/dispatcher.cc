#include "service/router/dispatcher.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "service/router/stream_end.h"
#include "service/runtime/status.h"

namespace hekla::service {
namespace {

// How exact queue limits are.
constexpr absl::Duration kExpireInterval = absl::Milliseconds(20);
constexpr absl::Duration kRetryAfter = absl::Seconds(1);

absl::Status QueueFull(int queued, int limit) {
  const std::string description = absl::StrCat(queued, " requests are waiting, the limit is ", limit);
  return WithQuotaFailure(
      WithRetryAfter(MakeError(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_QUEUE_FULL,
                               absl::StrCat("the router's queue is full: ", description)),
                     kRetryAfter),
      "queue", description);
}

absl::Status QueueTimeout(const WorkerNeed& need) {
  return WithRetryAfter(MakeError(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_QUEUE_TIMEOUT,
                                  absl::StrCat("queue_timeout: no place at a worker within the limit of ",
                                               absl::FormatDuration(need.queue_end - need.arrived))),
                        kRetryAfter);
}

absl::Status NoWorker(const std::string& model, absl::Duration limit) {
  return WithRetryAfter(
      MakeError(absl::StatusCode::kUnavailable, v1::ERROR_REASON_NO_WORKER,
                absl::StrCat("no worker ", model.empty() ? "" : absl::StrCat("for model '", model, "' "),
                             "came within the limit of ", absl::FormatDuration(limit))),
      kRetryAfter);
}

absl::Status PastDeadline(absl::Duration left, double start_seconds) {
  return MakeError(absl::StatusCode::kDeadlineExceeded, v1::ERROR_REASON_DEADLINE,
                   absl::StrCat("the call's deadline is in ", absl::FormatDuration(left),
                                ", it could start in about ", start_seconds, "s at the earliest"));
}

absl::Status SessionLost() {
  return MakeError(absl::StatusCode::kUnavailable, v1::ERROR_REASON_SESSION_LOST,
                   "session.id: the worker that kept this session's state is gone, and session.affinity is REQUIRE");
}

}  // namespace

Claim::Claim(Dispatcher* dispatcher, std::shared_ptr<Worker> worker, const Assignment& assignment)
    : dispatcher_(dispatcher), worker_(std::move(worker)), assignment_(assignment) {}

Claim::Claim(Claim&& other) noexcept
    : dispatcher_(other.dispatcher_),
      worker_(std::move(other.worker_)),
      assignment_(other.assignment_),
      verdict_(other.verdict_),
      worker_is_full_(other.worker_is_full_) {}

void Claim::PromptComputed() {
  worker_->PromptComputed(assignment_.uncached_tokens);
  assignment_.uncached_tokens = 0;
}

void Claim::ProbeSucceeded() {
  if (!assignment_.is_probe) return;
  assignment_.is_probe = false;
  worker_->ProbeSucceeded();
}

Claim::~Claim() {
  if (worker_ == nullptr) return;
  PromptComputed();
  worker_->RemoveRequest(verdict_, assignment_.is_probe);
  if (worker_is_full_) worker_->MarkFull();
  dispatcher_->Pump();
}

Dispatcher::Dispatcher(const Options& options, WorkerRegistry* registry)
    : registry_(registry), options_(options), admission_(options.max_queued) {
  expire_thread_ = std::thread([this] { ExpireLoop(); });
}

Dispatcher::~Dispatcher() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  expire_thread_.join();
}

QueuedRequest Dispatcher::Describe(uint64_t id, const WorkerNeed& need) {
  return {.id = id,
          .model = need.model,
          .tenant = need.tenant,
          .priority = need.priority,
          .arrived_us = absl::ToUnixMicros(need.arrived),
          .expires_us = absl::ToUnixMicros(need.queue_end),
          .prompt_tokens = need.prompt_tokens,
          .cost = need.prompt_tokens + kOutputCost * need.max_output};
}

Pool Dispatcher::PoolOf(const std::string& model) const {
  std::vector<std::shared_ptr<Worker>> workers;
  for (std::shared_ptr<Worker>& worker : registry_->All()) {
    if (model.empty() || worker->model().name() == model) workers.push_back(std::move(worker));
  }
  return Pool(std::move(workers));
}

absl::Status Dispatcher::CheckDeadline(const WorkerNeed& need, const Pool& pool) const {
  if (need.deadline == absl::InfiniteFuture()) return absl::OkStatus();
  const absl::Duration left = need.deadline - absl::Now();
  const double start = pool.StartSeconds(need, admission_.AheadOf(need.model, need.tenant)).value_or(0);
  if (left > absl::Seconds(start)) return absl::OkStatus();
  return PastDeadline(left, start);
}

absl::Status Dispatcher::Enqueue(uint64_t id, WorkerNeed need, std::shared_ptr<Waiter> waiter) {
  Outcome outcome;
  {
    // One lock for all, so that nobody finds the queue full of requests that are on their way out of it.
    absl::MutexLock lock(&mutex_);
    if (draining_) return DrainingError();
    const Pool pool = PoolOf(need.model);
    if (absl::Status status = CheckDeadline(need, pool); !status.ok()) return status;
    QueuedRequest queued = Describe(id, need);
    if (need.prefix != nullptr) {
      const double uncached = 1 - pool.BestMatchedShare(*need.prefix);
      queued.cost -= need.prompt_tokens - static_cast<int64_t>(uncached * static_cast<double>(need.prompt_tokens));
    }
    std::optional<uint64_t> pushed_out;
    const int size = admission_.size();
    if (!admission_.Add(std::move(queued), &pushed_out)) return QueueFull(size, admission_.max_queued());
    waiting_.emplace(id, Waiting{std::move(need), std::move(waiter)});
    if (pushed_out.has_value()) {
      Refuse(*pushed_out, QueueFull(size, admission_.max_queued()), &outcome.refusals);
    }
    Outcome matched = MatchAll();
    outcome.matches = std::move(matched.matches);
    for (auto& refusal : matched.refusals) outcome.refusals.push_back(std::move(refusal));
    if (admission_.size() > 0) changed_.Signal();
  }
  Deliver(std::move(outcome));
  return absl::OkStatus();
}

void Dispatcher::EnqueueAgain(uint64_t id, WorkerNeed need, std::shared_ptr<Waiter> waiter) {
  {
    absl::MutexLock lock(&mutex_);
    admission_.AddBack(Describe(id, need));
    waiting_.emplace(id, Waiting{std::move(need), std::move(waiter)});
    changed_.Signal();
  }
  Pump();
}

bool Dispatcher::Remove(uint64_t id) {
  absl::MutexLock lock(&mutex_);
  waiting_.erase(id);
  return admission_.Remove(id);
}

void Dispatcher::Pump() {
  Outcome outcome;
  {
    absl::MutexLock lock(&mutex_);
    if (admission_.size() == 0) return;
    outcome = MatchAll();
  }
  Deliver(std::move(outcome));
}

void Dispatcher::Deliver(Outcome outcome) {
  for (auto& [waiter, status] : outcome.refusals) waiter->OnRefused(std::move(status));
  for (Match& match : outcome.matches) match.waiter->OnWorker(Claim(this, match.worker, match.assignment));
}

void Dispatcher::Refuse(uint64_t id, absl::Status status, Refusals* refusals) {
  const auto found = waiting_.find(id);
  refusals->emplace_back(std::move(found->second.waiter), std::move(status));
  waiting_.erase(found);
}

Dispatcher::Outcome Dispatcher::MatchAll() {
  Outcome outcome;
  for (const std::string& model : admission_.Models()) MatchModel(model, &outcome);
  return outcome;
}

void Dispatcher::MatchModel(const std::string& model, Outcome* outcome) {
  Pool pool = PoolOf(model);
  admission_.Match(model, [&](const QueuedRequest& queued) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return MatchOne(queued, &pool, outcome);
  });
}

Admission::Verdict Dispatcher::MatchOne(const QueuedRequest& queued, Pool* pool, Outcome* outcome) {
  const auto found = waiting_.find(queued.id);
  const WorkerNeed& need = found->second.need;
  if (absl::Now() < need.hold_until) return Admission::Verdict::kSkip;
  const Placed placed = pool->Place(need, sessions_, random_());
  if (placed.session_lost) {
    sessions_.Forget(need.session);  // the next turn begins anew
    Refuse(queued.id, SessionLost(), &outcome->refusals);
    return Admission::Verdict::kDrop;
  }
  // With room left, another one may fit.
  if (placed.worker < 0) return pool->HasRoom() ? Admission::Verdict::kSkip : Admission::Verdict::kStop;
  const std::shared_ptr<Worker>& worker = pool->worker(placed.worker);
  Assignment assignment;
  assignment.branch = placed.branch;
  assignment.uncached_tokens =
      static_cast<int64_t>((1 - placed.matched_share) * static_cast<double>(queued.prompt_tokens));
  assignment.is_probe = worker->AddRequest(assignment.uncached_tokens);
  if (need.prefix != nullptr) worker->RememberPrompt(*need.prefix);
  if (!need.session.empty()) sessions_.Set(need.session, worker);
  pool->Refresh(placed.worker);
  outcome->matches.push_back({std::move(found->second.waiter), worker, assignment});
  waiting_.erase(found);
  return Admission::Verdict::kTake;
}

void Dispatcher::SetOptions(const Options& options) {
  absl::MutexLock lock(&mutex_);
  options_ = options;
  admission_.set_max_queued(options.max_queued);
}

void Dispatcher::Drain() {
  absl::MutexLock lock(&mutex_);
  draining_ = true;
}

int Dispatcher::queued() const {
  absl::MutexLock lock(&mutex_);
  return admission_.size();
}

int64_t Dispatcher::queued_tokens() const {
  absl::MutexLock lock(&mutex_);
  return admission_.queued_tokens();
}

void Dispatcher::TakeTimedOut(absl::Time now, Refusals* refusals) {
  for (const uint64_t id : admission_.TakeExpired(absl::ToUnixMicros(now))) {
    const absl::Status status = QueueTimeout(waiting_.at(id).need);
    Refuse(id, status, refusals);
  }
}

void Dispatcher::TakeWithoutWorker(absl::Time now, Refusals* refusals) {
  absl::flat_hash_map<std::string, absl::Time> since;  // for ever ahead: there is a worker
  std::vector<uint64_t> refused;
  for (const std::string& model : admission_.Models()) {
    admission_.Visit(model, [&](const QueuedRequest& queued) ABSL_NO_THREAD_SAFETY_ANALYSIS {
      const WorkerNeed& need = waiting_.at(queued.id).need;
      const auto [entry, is_new] = since.try_emplace(
          absl::StrCat(model, "#", need.weights_hash, "#", need.min_context), absl::InfiniteFuture());
      if (is_new && !registry_->HasWorker(model, need.weights_hash, need.min_context)) {
        const auto known = no_worker_since_.find(entry->first);
        entry->second = known == no_worker_since_.end() ? now : std::min(now, known->second);
      }
      const absl::Time arrived = absl::FromUnixMicros(queued.arrived_us);
      if (now - std::max(arrived, entry->second) >= options_.worker_wait) refused.push_back(queued.id);
      return true;
    });
  }
  no_worker_since_ = std::move(since);
  for (const uint64_t id : refused) {
    const absl::Status status = NoWorker(waiting_.at(id).need.model, options_.worker_wait);
    Refuse(id, status, refusals);
    admission_.Remove(id);
  }
}

void Dispatcher::ExpireLoop() {
  while (true) {
    Refusals refusals;
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return;
      if (admission_.size() == 0) {
        no_worker_since_.clear();
        changed_.Wait(&mutex_);
      } else {
        changed_.WaitWithTimeout(&mutex_, kExpireInterval);
      }
      if (stopping_) return;
      const absl::Time now = absl::Now();
      TakeTimedOut(now, &refusals);
      TakeWithoutWorker(now, &refusals);
    }
    for (auto& [waiter, status] : refusals) waiter->OnRefused(std::move(status));
    Pump();  // a worker that was full may be so no longer
  }
}

}  // namespace hekla::service
