#include "service/router/dispatcher.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
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

absl::Status Draining() {
  return WithRetryAfter(MakeError(absl::StatusCode::kUnavailable, v1::ERROR_REASON_DRAINING,
                                  "the router is going down and takes no new requests"),
                        kRetryAfter);
}

bool Contains(const std::vector<std::shared_ptr<Worker>>& workers, const std::shared_ptr<Worker>& worker) {
  return std::find(workers.begin(), workers.end(), worker) != workers.end();
}

}  // namespace

Claim::Claim(Dispatcher* dispatcher, std::shared_ptr<Worker> worker, int64_t prompt_tokens)
    : dispatcher_(dispatcher), worker_(std::move(worker)), prompt_tokens_(prompt_tokens) {}

Claim::Claim(Claim&& other) noexcept
    : dispatcher_(other.dispatcher_),
      worker_(std::move(other.worker_)),
      prompt_tokens_(other.prompt_tokens_) {}

void Claim::PromptComputed() {
  worker_->PromptComputed(prompt_tokens_);
  prompt_tokens_ = 0;
}

Claim::~Claim() {
  if (worker_ == nullptr) return;
  PromptComputed();
  worker_->RemoveRequest();
  if (worker_is_full_) worker_->MarkFull();
  dispatcher_->Pump();
}

Dispatcher::Dispatcher(const Options& options, WorkerRegistry* registry)
    : options_(options), registry_(registry), admission_(options.max_queued) {
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

QueuedRequest Dispatcher::Describe(uint64_t id, const WorkerNeed& need) const {
  return {.id = id,
          .model = need.model,
          .priority = need.priority,
          .arrived_us = absl::ToUnixMicros(need.arrived),
          .expires_us = absl::ToUnixMicros(need.queue_end),
          .prompt_tokens = need.prompt_tokens};
}

absl::Status Dispatcher::Enqueue(uint64_t id, WorkerNeed need, std::shared_ptr<Waiter> waiter) {
  std::vector<Match> matches;
  {
    // One lock for both, so that nobody finds the queue full of requests that are on their way out of it.
    absl::MutexLock lock(&mutex_);
    if (draining_) return Draining();
    if (!admission_.Add(Describe(id, need))) return QueueFull(admission_.size(), admission_.max_queued());
    waiting_.emplace(id, Waiting{std::move(need), std::move(waiter)});
    matches = MatchAll();
    if (admission_.size() > 0) changed_.Signal();
  }
  Deliver(std::move(matches));
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
  std::vector<Match> matches;
  {
    absl::MutexLock lock(&mutex_);
    if (admission_.size() == 0) return;
    matches = MatchAll();
  }
  Deliver(std::move(matches));
}

void Dispatcher::Deliver(std::vector<Match> matches) {
  for (Match& match : matches) match.waiter->OnWorker(Claim(this, match.worker, match.prompt_tokens));
}

std::vector<Dispatcher::Match> Dispatcher::MatchAll() {
  std::vector<Match> matches;
  const std::vector<std::shared_ptr<Worker>> all = registry_->All();
  for (const std::string& model : admission_.Models()) MatchModel(model, all, &matches);
  for (const Match& match : matches) {
    admission_.Remove(match.id);
    waiting_.erase(match.id);
  }
  return matches;
}

void Dispatcher::MatchModel(const std::string& model, const std::vector<std::shared_ptr<Worker>>& all,
                            std::vector<Match>* matches) {
  std::vector<std::shared_ptr<Worker>> workers;
  std::vector<Candidate> candidates;
  for (const std::shared_ptr<Worker>& worker : all) {
    if (!model.empty() && worker->model().name() != model) continue;
    workers.push_back(worker);
    candidates.push_back(worker->AsCandidate());
  }
  admission_.Visit(model, [&](const QueuedRequest& queued) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const Waiting& waiting = waiting_.at(queued.id);
    // What was tried before is avoided only while there is something else.
    std::vector<Candidate> fitting = candidates, untried = candidates;
    bool any_untried = false;
    for (size_t i = 0; i < workers.size(); ++i) {
      const std::string& hash = waiting.need.weights_hash;
      fitting[i].usable &= hash.empty() || workers[i]->model().weights_hash() == hash;
      untried[i].usable = fitting[i].usable && !Contains(waiting.need.tried, workers[i]);
      any_untried |= untried[i].usable;
    }
    const int chosen = ChooseWorker(any_untried ? untried : fitting, random_());
    if (chosen < 0) return ChooseWorker(candidates, 0) >= 0;  // with room left, another one may fit
    workers[chosen]->AddRequest(queued.prompt_tokens);
    candidates[chosen] = workers[chosen]->AsCandidate();
    matches->push_back({queued.id, waiting.waiter, workers[chosen], queued.prompt_tokens});
    return true;
  });
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
    const auto found = waiting_.find(id);
    refusals->emplace_back(std::move(found->second.waiter), QueueTimeout(found->second.need));
    waiting_.erase(found);
  }
}

void Dispatcher::TakeWithoutWorker(absl::Time now, Refusals* refusals) {
  absl::flat_hash_map<std::string, absl::Time> since;  // for ever ahead: there is a worker
  std::vector<uint64_t> refused;
  for (const std::string& model : admission_.Models()) {
    admission_.Visit(model, [&](const QueuedRequest& queued) ABSL_NO_THREAD_SAFETY_ANALYSIS {
      const std::string& hash = waiting_.at(queued.id).need.weights_hash;
      const auto [entry, is_new] = since.try_emplace(absl::StrCat(model, "#", hash), absl::InfiniteFuture());
      if (is_new && !registry_->HasWorker(model, hash)) {
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
    const auto found = waiting_.find(id);
    refusals->emplace_back(std::move(found->second.waiter),
                           NoWorker(found->second.need.model, options_.worker_wait));
    waiting_.erase(found);
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
