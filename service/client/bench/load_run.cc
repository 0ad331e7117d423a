#include "service/client/bench/load_run.h"

#include <grpcpp/server_builder.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "service/runtime/callback_pulse.h"
#include "service/runtime/health_service.h"
#include "service/runtime/status.h"

namespace hekla::bench {
namespace {

constexpr absl::Duration kWatchInterval = absl::Milliseconds(100);

// UNAVAILABLE, and a cancel that nobody has asked for: a gRPC server that goes down resets calls which it has not
// looked at yet.
bool MayBeTriedAgain(const RequestRecord& record) {
  const bool reset = absl::IsCancelled(record.status) && !record.cancelled &&
                     service::ReasonOf(record.status) == v1::ERROR_REASON_UNSPECIFIED;
  return absl::IsUnavailable(record.status) || reset;
}

// A server that nobody can reach, for the pulse that keeps gRPC's threads awake: at low rates they would sleep
// between requests, and their waking up would be measured.
class Pulse {
 public:
  Pulse() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&health_);
    server_ = builder.BuildAndStart();
    if (server_ != nullptr) pulse_.emplace(server_.get());
  }
  ~Pulse() {
    pulse_.reset();
    if (server_ != nullptr) server_->Shutdown();
  }

 private:
  service::HealthService health_;
  std::unique_ptr<grpc::Server> server_;
  std::optional<service::CallbackPulse> pulse_;
};

}  // namespace

LoadRun::LoadRun(LoadOptions options, const Workload* workload,
                 std::function<void(const RequestRecord&)> on_record)
    : options_(std::move(options)),
      workload_(workload),
      on_record_(std::move(on_record)),
      arrivals_(options_.arrivals, options_.rate, workload->options().seed),
      jitter_(workload->options().seed) {
  for (const auto& channel : options_.channels) stubs_.push_back(v1::Inference::NewStub(channel));
  absl::MutexLock lock(&mutex_);
  next_arrival_ = options_.clients == 0 ? begun_ + arrivals_.Next() : begun_;
}

LoadRun::~LoadRun() = default;

bool LoadRun::AllSent() const {
  if (stopping_ || (options_.requests > 0 && started_ >= options_.requests)) return true;
  // In an open loop what was due within the duration is sent, however late.
  return (options_.clients == 0 ? next_arrival_ : absl::Now()) >= begun_ + options_.duration;
}

// The intended time of the request to send now, if there is one.
std::optional<absl::Time> LoadRun::NextIntended(absl::Time now) {
  if (AllSent()) return std::nullopt;
  const uint64_t inflight = started_ - ended_;
  if (options_.clients > 0) return inflight < options_.clients ? std::optional(now) : std::nullopt;
  if (inflight >= options_.max_inflight || next_arrival_ > now) return std::nullopt;
  const absl::Time intended = next_arrival_;
  next_arrival_ = begun_ + arrivals_.Next();
  return intended;
}

absl::Time LoadRun::NextEvent(absl::Time now) const {
  absl::Time next = now + kWatchInterval;
  if (!pauses_.empty()) next = std::min(next, pauses_.begin()->first);
  if (!retries_.empty()) next = std::min(next, retries_.begin()->first);
  const bool has_room = started_ - ended_ < options_.max_inflight;
  if (options_.clients == 0 && has_room && !AllSent()) next = std::min(next, next_arrival_);
  return next;
}

void LoadRun::CollectDue(absl::Time now, std::vector<RequestRecord>* starts, std::vector<LoadStream*>* reads) {
  while (!pauses_.empty() && (stopping_ || pauses_.begin()->first <= now)) {
    reads->push_back(pauses_.begin()->second);
    pauses_.erase(pauses_.begin());
  }
  while (!retries_.empty() && retries_.begin()->first <= now) {
    starts->push_back(std::move(retries_.begin()->second));
    retries_.erase(retries_.begin());
  }
  while (const std::optional<absl::Time> intended = NextIntended(now)) {
    RequestRecord record;
    record.index = started_++;
    record.intended = *intended;
    starts->push_back(std::move(record));
  }
}

void LoadRun::Send(RequestRecord record) {
  const uint64_t index = record.index;
  record.started = absl::Now();
  const absl::Time deadline = record.started + options_.call_limit;
  auto* stream = new LoadStream(workload_->Plan(index), std::move(record), this);  // deletes itself
  {
    absl::MutexLock lock(&mutex_);
    streams_.insert(stream);
    if (stopping_) stream->Cancel();
  }
  stream->Start(*stubs_[index % stubs_.size()], deadline);
}

void LoadRun::Run(const std::function<void(const Progress&)>& watch) {
  const Pulse pulse;
  absl::Time next_watch = begun_;
  std::vector<RequestRecord> starts;
  std::vector<LoadStream*> reads;
  for (;;) {
    {
      absl::MutexLock lock(&mutex_);
      CollectDue(absl::Now(), &starts, &reads);
      if (starts.empty() && reads.empty()) {
        if (AllSent() && started_ == ended_) break;
        changed_.WaitWithDeadline(&mutex_, std::min(next_watch, NextEvent(absl::Now())));
      }
    }
    for (LoadStream* stream : reads) stream->ReadOn();
    for (RequestRecord& record : starts) Send(std::move(record));
    reads.clear();
    starts.clear();
    if (const absl::Time now = absl::Now(); now >= next_watch) {
      watch(progress());
      next_watch = now + kWatchInterval;
    }
  }
}

void LoadRun::Stop() {
  absl::MutexLock lock(&mutex_);
  stopping_ = true;
  for (LoadStream* stream : streams_) stream->Cancel();
  ended_ += retries_.size();
  failed_ += retries_.size();
  for (const auto& [when, record] : retries_) on_record_(record);
  retries_.clear();
  changed_.SignalAll();
}

Progress LoadRun::progress() const {
  absl::MutexLock lock(&mutex_);
  return {started_, ended_, failed_, tokens_, absl::Now() - begun_};
}

void LoadRun::OnPause(LoadStream* stream) {
  absl::MutexLock lock(&mutex_);
  const absl::Time until = stopping_ ? absl::InfinitePast() : absl::Now() + options_.slow_pause;
  if (pauses_.empty() || until < pauses_.begin()->first) changed_.SignalAll();
  pauses_.emplace(until, stream);
}

void LoadRun::OnEnded(LoadStream* stream, RequestRecord record) {
  absl::MutexLock lock(&mutex_);
  streams_.erase(stream);
  changed_.SignalAll();
  if (MayBeTriedAgain(record) && record.attempts < options_.max_attempts && !stopping_) {
    const absl::Duration delay = service::RetryDelayOf(record.status).value_or(options_.retry_delay);
    retries_.emplace(absl::Now() + delay * (1 + 0.5 * jitter_.Uniform()), std::move(record));
    return;
  }
  ++ended_;
  if (!record.status.ok() && !record.cancelled) ++failed_;
  on_record_(record);
}

}  // namespace hekla::bench
