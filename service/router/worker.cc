#include "service/router/worker.h"

#include <grpcpp/channel.h>

#include <algorithm>
#include <utility>

#include "service/runtime/time.h"

namespace hekla::service {
namespace {

// Of a worker that does not say how many sequences it runs.
constexpr int kUsualSequences = 8;
constexpr double kOutputWeight = 0.1;  // of the latest request in the average
constexpr absl::Duration kFullPause = absl::Milliseconds(100);

// Requests kept ready at a worker beyond those that run, so that a place that becomes free is filled at once.
int LookAhead(int sequences) { return std::max(1, sequences / 4); }

}  // namespace

Worker::Worker(v1::Registration registration, bool is_static, std::shared_ptr<grpc::Channel> channel,
               SendCommand send)
    : registration_(std::move(registration)),
      is_static_(is_static),
      stub_(v1::Inference::NewStub(std::shared_ptr<grpc::ChannelInterface>(channel))),
      exchange_(std::make_shared<WorkerExchange>(channel)),
      send_(std::move(send)),
      attached_at_(absl::Now()) {}

void Worker::Report(const v1::Load& load) {
  absl::MutexLock lock(&mutex_);
  load_ = load;
  reported_at_ = absl::Now();
  full_until_ = absl::InfinitePast();
  others_ = std::max(0, static_cast<int>(load.running() + load.waiting()) - inflight_);
  progress_.Report({.steps_total = load.steps_total(),
                    .step_seconds = load.step_seconds(),
                    .last_step_age = FromProto(load.last_step_age()),
                    .has_work = load.running() + load.waiting() > 0},
                   reported_at_);
}

void Worker::SetDraining(bool draining) {
  absl::MutexLock lock(&mutex_);
  draining_ = draining;
}

bool Worker::draining() const {
  absl::MutexLock lock(&mutex_);
  return draining_ || load_.draining();
}

bool Worker::stalled() const {
  absl::MutexLock lock(&mutex_);
  return stalled_;
}

bool Worker::ready() const {
  absl::MutexLock lock(&mutex_);
  return !draining_ && !load_.draining() && !stalled_ && !lost_;
}

bool Worker::AddRequest(int64_t uncached_tokens) {
  absl::MutexLock lock(&mutex_);
  const absl::Time now = absl::Now();
  progress_.Sent(inflight_ == 0, now);
  ++inflight_;
  prompt_tokens_ += uncached_tokens;
  return breaker_.Send(now);
}

void Worker::RemoveRequest(WorkerVerdict verdict, bool was_probe) {
  absl::MutexLock lock(&mutex_);
  --inflight_;
  full_until_ = absl::InfinitePast();
  // Death and stall are counted once, not once for each request.
  if (lost_ || stalled_) return breaker_.Released(was_probe);
  switch (verdict) {
    case WorkerVerdict::kNone:
      return breaker_.Released(was_probe);
    case WorkerVerdict::kGood:
      return breaker_.Succeeded(was_probe, absl::Now());
    case WorkerVerdict::kFault:
      return breaker_.Failed(was_probe, absl::Now());
  }
}

void Worker::ProbeSucceeded() {
  absl::MutexLock lock(&mutex_);
  breaker_.Succeeded(/*was_probe=*/true, absl::Now());
}

void Worker::OutputFinished(int64_t tokens) {
  absl::MutexLock lock(&mutex_);
  const double value = static_cast<double>(std::max<int64_t>(1, tokens));
  mean_output_ = mean_output_ == 0 ? value : mean_output_ + kOutputWeight * (value - mean_output_);
}

void Worker::PromptComputed(int64_t uncached_tokens) {
  absl::MutexLock lock(&mutex_);
  prompt_tokens_ -= uncached_tokens;
}

void Worker::MarkFull() {
  absl::MutexLock lock(&mutex_);
  full_until_ = absl::Now() + kFullPause;
}

Candidate Worker::AsCandidate() const {
  absl::MutexLock lock(&mutex_);
  Candidate candidate;
  const absl::Time now = absl::Now();
  candidate.usable = !draining_ && !load_.draining() && now >= full_until_ && !lost_ && !stalled_;
  candidate.broken = !breaker_.Allows(now);
  candidate.inflight = inflight_ + others_;
  const uint32_t said = registration_.model().limits().max_sequences();
  candidate.sequences = said > 0 ? static_cast<int>(said) : kUsualSequences;
  candidate.capacity = candidate.sequences + LookAhead(candidate.sequences);
  candidate.queued_tokens =
      static_cast<double>(std::max(prompt_tokens_, static_cast<int64_t>(load_.queued_uncached_tokens())));
  candidate.prefill_tokens_per_second = load_.prefill_tokens_per_second();
  candidate.step_seconds = load_.step_seconds();
  candidate.output_tokens = mean_output_;
  return candidate;
}

v1::WorkerState Worker::State() const {
  absl::MutexLock lock(&mutex_);
  v1::WorkerState state;
  state.set_worker_id(id());
  const absl::Time now = absl::Now();
  state.set_state(stalled_                                              ? v1::WorkerState::STALLED
                  : draining_ || load_.draining()                       ? v1::WorkerState::DRAINING
                  : breaker_.StateAt(now) == Breaker::State::kOpen      ? v1::WorkerState::BROKEN
                                                                        : v1::WorkerState::READY);
  state.set_endpoint(registration_.endpoint());
  *state.mutable_model() = registration_.model();
  state.set_device(registration_.device());
  state.set_version(registration_.version());
  *state.mutable_load() = load_;
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

Breaker Worker::breaker() const {
  absl::MutexLock lock(&mutex_);
  return breaker_;
}

void Worker::SetHealth(const Breaker& breaker, const ProgressOptions& progress) {
  absl::MutexLock lock(&mutex_);
  breaker_ = breaker;
  progress_.SetOptions(progress);
}

double Worker::MatchedShare(const PrefixKeys& prompt) const {
  absl::MutexLock lock(&mutex_);
  return prefixes_.MatchedShare(prompt, absl::Now());
}

void Worker::RememberPrompt(const PrefixKeys& prompt) {
  absl::MutexLock lock(&mutex_);
  prefixes_.Add(prompt, absl::Now());
}

uint64_t Worker::OnLoss(std::function<void(WorkerLoss)> told) {
  absl::MutexLock lock(&mutex_);
  if (lost_) return 0;
  listeners_.emplace(next_listener_, std::move(told));
  return next_listener_++;
}

bool Worker::lost() const {
  absl::MutexLock lock(&mutex_);
  return lost_;
}

bool Worker::died() const {
  absl::MutexLock lock(&mutex_);
  return died_;
}

void Worker::ForgetLoss(uint64_t id) {
  absl::MutexLock lock(&mutex_);
  listeners_.erase(id);
}

void Worker::Tell(Listeners listeners, WorkerLoss loss) {
  for (auto& [id, told] : listeners) told(loss);
}

bool Worker::Lose(bool died) {
  Listeners listeners;
  {
    absl::MutexLock lock(&mutex_);
    if (lost_) return false;
    lost_ = true;
    died_ = died;
    if (died) breaker_.Died(absl::Now());
    listeners.swap(listeners_);
  }
  Tell(std::move(listeners), WorkerLoss::kLeaseEnded);
  return true;
}

bool Worker::CheckProgress(absl::Time now) {
  exchange_->KeepLoads();
  Listeners listeners;
  bool is_new = false;
  {
    absl::MutexLock lock(&mutex_);
    const bool stalled = !lost_ && progress_.IsStalled(inflight_, now);
    is_new = stalled && !stalled_;
    stalled_ = stalled;
    if (is_new) breaker_.Wedged(now);
    // Each time: a request may have been on its way there. The lease's own listener stays for the loss.
    if (stalled) listeners = listeners_;
  }
  Tell(std::move(listeners), WorkerLoss::kStalled);
  return is_new;
}

absl::Time Worker::last_sign_of_life() const {
  absl::MutexLock lock(&mutex_);
  if (stalled_ || progress_.IsStalled(inflight_, absl::Now())) return std::max(attached_at_, progress_.moved_at());
  return std::max(attached_at_, reported_at_);
}

}  // namespace hekla::service
