#include "service/router/generate_relay.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "service/router/model_access.h"
#include "service/router/random_name.h"
#include "service/router/request_check.h"
#include "service/router/request_log.h"
#include "service/runtime/log.h"
#include "service/runtime/prompt_limit.h"
#include "service/runtime/status.h"
#include "service/runtime/time.h"
#include "worker/base/status_macros.h"

namespace hekla::service {
namespace {

uint64_t NextId() {
  static std::atomic<uint64_t> next = 1;
  return next++;
}

int PriorityLevel(v1::Priority priority) { return priority - v1::PRIORITY_BATCH; }

// Of a request that does not say how long its output may be.
constexpr int64_t kUsualOutput = 256;

}  // namespace

GenerateRelay::GenerateRelay(const RelayEnvironment& environment, Call call, Client* client)
    : environment_(environment),
      call_(std::move(call)),
      client_(client),
      id_(NextId()),
      ledger_(call_.request) {}

void GenerateRelay::Start() {
  environment_.metrics->RequestStarted(call_.method);
  environment_.budget->CountRequest(arrived_);
  if (absl::Status status = Admit(); !status.ok()) {
    environment_.metrics->Rejected(ModelLabel(), status);
    Finish(std::move(status));
  }
}

absl::Status GenerateRelay::Admit() {
  v1::GenerateRequest& request = call_.request;
  HEKLA_RETURN_IF_ERROR(CheckRequest(request));
  HEKLA_RETURN_IF_ERROR(CheckPromptBytes(request, environment_.max_prompt_bytes));
  HEKLA_ASSIGN_OR_RETURN(*request.mutable_model(),
                         ResolveAllowedModel(*environment_.registry, *call_.caller.grant, request.model()));
  fingerprint_ = Fingerprint(request);
  const absl::Duration refused_for = environment_.poison->RefusedFor(fingerprint_, arrived_);
  if (refused_for > absl::ZeroDuration()) return PoisonError(refused_for);
  HEKLA_RETURN_IF_ERROR(CheckAgainstPool());
  if (request.has_token_ids()) min_context_ = request.token_ids().ids_size() + std::max(1u, request.stop().max_tokens());
  prefix_ = std::make_shared<const PrefixKeys>(MakePrefixKeys(request));
  if (request.request_id().empty()) request.set_request_id(RandomName());
  if (request.priority() == v1::PRIORITY_UNSPECIFIED) request.set_priority(call_.default_priority);
  // Drawn here, so that every worker that takes the request over draws the same noise.
  if (!request.sampling().has_seed()) request.mutable_sampling()->set_seed(RandomSeed());
  HEKLA_ASSIGN_OR_RETURN(
      quota_place_, environment_.quotas->Enter(*call_.caller.grant, EstimatePromptTokens(request), arrived_));
  HEKLA_ASSIGN_OR_RETURN(entry_, environment_.inflight->Add(request.request_id(), weak_from_this()));
  HEKLA_RETURN_IF_ERROR(environment_.dispatcher->Enqueue(id_, MakeNeed(arrived_), shared_from_this()));
  FinishIfCancelled();
  return absl::OkStatus();
}

absl::Status GenerateRelay::CheckAgainstPool() const {
  for (const v1::Model& model : environment_.registry->Models()) {
    if (model.name() == call_.request.model()) HEKLA_RETURN_IF_ERROR(CheckFits(call_.request, model));
  }
  return absl::OkStatus();
}

WorkerNeed GenerateRelay::MakeNeed(absl::Time queued_at) const {
  const v1::GenerateRequest& request = call_.request;
  WorkerNeed need;
  need.model = request.model();
  if (ledger_.started()) need.weights_hash = ledger_.started_event().weights_hash();
  need.priority = PriorityLevel(request.priority());
  need.prompt_tokens = EstimatePromptTokens(request) + ledger_.sent_tokens();
  need.arrived = arrived_;
  need.queue_end = queued_at + (request.has_queue_timeout() ? FromProto(request.queue_timeout())
                                                            : environment_.limits->Get().queue_timeout);
  need.tried = tried_;
  need.tenant = call_.tenant;
  need.max_output = request.stop().has_max_tokens() ? request.stop().max_tokens() : kUsualOutput;
  need.min_context = min_context_;
  need.deadline = call_.deadline;
  need.prefix = prefix_;
  if (!request.session().id().empty()) {
    need.session = absl::StrCat(call_.tenant, "/", request.session().id());
    need.session_required = request.session().affinity() == v1::Session::REQUIRE;
  }
  return need;
}

void GenerateRelay::OnWorker(Claim claim) {
  const std::shared_ptr<Worker> worker = claim.worker();
  last_worker_ = worker->id();
  // Told before the stream is known here, or seen as lost() below: no loss goes unnoticed.
  const uint64_t listener = worker->OnLoss([weak = weak_from_this(), left = worker.get()](WorkerLoss loss) {
    if (const std::shared_ptr<GenerateRelay> self = weak.lock()) self->OnWorkerLost(left, loss);
  });
  environment_.metrics->Routed(RouteBranchName(claim.branch()));
  ledger_.SetVocabulary(worker->model().vocabulary_size());
  auto stream = std::make_shared<WorkerStream>(worker, ledger_.WorkerRequest(call_.request), call_.deadline,
                                               call_.caller.trace, shared_from_this(), environment_.deliveries);
  std::optional<absl::Status> cancelled;
  {
    absl::MutexLock lock(&mutex_);
    cancelled = cancelled_;
    if (!cancelled.has_value()) {
      if (attempts_++ == 0) ObserveQueueWait();
      phase_ = Phase::kRunning;
      paused_ = read_early_ = false;
      broken_ = absl::OkStatus();
      loss_listener_ = listener;
      claim_.emplace(std::move(claim));
      stream_ = stream;
      loss_.reset();
      if (worker->lost()) loss_ = WorkerLoss::kLeaseEnded;
      if (loss_.has_value()) stream_->Abandon();
    }
  }
  if (cancelled.has_value()) {
    worker->ForgetLoss(listener);
    return Finish(*std::move(cancelled));
  }
  stream->Start();
}

void GenerateRelay::OnRefused(absl::Status status) {
  if (tried_.empty()) environment_.metrics->Rejected(ModelLabel(), status);
  if (ledger_.has_tokens() && !tried_.empty() && ReasonOf(status) != v1::ERROR_REASON_SESSION_LOST) {
    status = WorkerLostError(tried_.back()->id(), "no other worker took the stream over", ledger_.sent_tokens(),
                             status);
  }
  Finish(std::move(status));
}

void GenerateRelay::OnWorkerResponse(v1::GenerateResponse response) {
  {
    absl::MutexLock lock(&mutex_);
    if (IsStopping()) return stream_->Read();
  }
  std::vector<v1::GenerateResponse> responses;
  absl::Status status = ledger_.Accept(std::move(response), &responses);
  if (!takeover_cause_.empty() && status.ok()) ReportTakeOver(true);
  const bool client_reads = Forward(std::move(responses));

  absl::MutexLock lock(&mutex_);
  if (ledger_.sent_tokens() - sent_before_ >= kGoodTokens && status.ok()) claim_->ProbeSucceeded();
  sent_tokens_ = ledger_.sent_tokens();
  if (!status.ok()) {
    broken_ = std::move(status);
    stream_->Abandon();
  }
  if (client_reads || read_early_ || IsStopping()) {
    read_early_ = false;
    stream_->Read();
  } else {
    paused_ = true;
    paused_at_ = absl::Now();
  }
}

bool GenerateRelay::Forward(std::vector<v1::GenerateResponse> responses) {
  bool client_reads = true;
  for (v1::GenerateResponse& response : responses) {
    const absl::Time came = absl::Now();
    const bool is_first = response.has_delta() && first_delta_ == absl::InfinitePast();
    if (response.has_delta()) ObserveDelta(came);
    const bool is_first_here = response.has_delta() && !prompt_computed_;
    prompt_computed_ |= response.has_delta();
    client_reads = client_->OnResponse(std::move(response));
    if (is_first) environment_.metrics->overhead_seconds->Observe(absl::ToDoubleSeconds(absl::Now() - came));
    if (!is_first_here) continue;
    absl::MutexLock lock(&mutex_);
    claim_->PromptComputed();
  }
  return client_reads;
}

void GenerateRelay::ReadMore() {
  absl::MutexLock lock(&mutex_);
  if (paused_) {
    paused_ = false;
    stream_->Read();
  } else {
    read_early_ = true;
  }
}

bool GenerateRelay::IsStopping() const { return cancelled_.has_value() || loss_.has_value() || !broken_.ok(); }

void GenerateRelay::StopStream() {
  stream_->Cancel();
  if (!paused_) return;
  // Without a read outstanding the end of the stream would not be noticed.
  paused_ = false;
  stream_->Read();
}

void GenerateRelay::OnWorkerLost(const Worker* worker, WorkerLoss loss) {
  absl::MutexLock lock(&mutex_);
  if (stream_ == nullptr || claim_->worker().get() != worker || loss_ == WorkerLoss::kLeaseEnded) return;
  const bool is_stopping = loss_.has_value();
  loss_ = loss;
  if (is_stopping) return;
  paused_ = false;
  stream_->Abandon();  // it may never answer
}

void GenerateRelay::Cancel(absl::Status why) {
  {
    absl::MutexLock lock(&mutex_);
    if (phase_ == Phase::kEnded || cancelled_.has_value()) return;
    cancelled_ = std::move(why);
    if (stream_ != nullptr) {
      cancelled_at_ = absl::Now();
      return StopStream();
    }
  }
  FinishIfCancelled();
}

void GenerateRelay::Tick(absl::Time now) {
  const absl::Duration slow_client_limit = environment_.limits->Get().slow_client_limit;
  {
    absl::MutexLock lock(&mutex_);
    if (phase_ == Phase::kQueued && now - kept_alive_at_ >= kKeepaliveInterval) {
      kept_alive_at_ = now;
      v1::GenerateResponse response;
      response.mutable_keepalive()->set_phase(sent_tokens_ > 0 ? v1::Keepalive::RESUMING : v1::Keepalive::QUEUED);
      client_->OnKeepalive(response);  // it lives until the phase has become kEnded
    }
    if (!paused_ || now - paused_at_ < slow_client_limit) return;
  }
  environment_.metrics->slow_consumer_total->Add();
  Cancel(MakeError(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_SLOW_CONSUMER,
                   absl::StrCat("the client did not read the stream for longer than the limit of ",
                                absl::FormatDuration(slow_client_limit))));
}

void GenerateRelay::FinishIfCancelled() {
  std::optional<absl::Status> cancelled;
  {
    absl::MutexLock lock(&mutex_);
    cancelled = cancelled_;
  }
  // Out of the queue only once, so that the request ends only once; in OnWorker() if it is just being let
  // out.
  if (cancelled.has_value() && environment_.dispatcher->Remove(id_)) Finish(*std::move(cancelled));
}

void GenerateRelay::OnStreamDone(absl::Status status) {
  std::optional<Claim> claim;
  std::optional<absl::Status> cancelled;
  std::optional<WorkerLoss> loss;
  uint64_t listener = 0;
  absl::Time cancelled_at;
  {
    absl::MutexLock lock(&mutex_);
    phase_ = Phase::kQueued;
    kept_alive_at_ = absl::Now();
    stream_.reset();
    paused_ = false;
    claim.emplace(*std::move(claim_));
    claim_.reset();
    cancelled = cancelled_;
    cancelled_at = cancelled_at_;
    loss = loss_;
    listener = loss_listener_;
    if (!broken_.ok()) status = broken_;
  }
  const std::shared_ptr<Worker> worker = claim->worker();
  worker->ForgetLoss(listener);
  const StreamEnd end = JudgeEnd(status, ledger_.complete());
  if (end == StreamEnd::kBusy) claim->WorkerIsFull();
  if (end == StreamEnd::kComplete) worker->OutputFinished(ledger_.sent_tokens());
  if (!cancelled.has_value() && !loss.has_value()) claim->Judge(VerdictOf(end));
  claim.reset();  // the place is free before the client knows that the request has ended
  if (cancelled.has_value()) {
    environment_.metrics->cancel_to_free_seconds->Observe(absl::ToDoubleSeconds(absl::Now() - cancelled_at));
    return Finish(*std::move(cancelled));
  }
  DecideAfter(std::move(status), worker, loss);
}

void GenerateRelay::DecideAfter(absl::Status status, const std::shared_ptr<Worker>& worker,
                                const std::optional<WorkerLoss>& loss) {
  StreamEnd end = JudgeEnd(status, ledger_.complete());
  if (end == StreamEnd::kComplete) return Finish(absl::OkStatus());
  if (loss.has_value()) {
    end = StreamEnd::kWorkerFault;
    status = absl::UnavailableError(*loss == WorkerLoss::kStalled ? "it has work and makes no step"
                                                                  : "its lease ended");
  }
  if (status.ok()) status = absl::DataLossError("it ended the stream before the output was finished");
  switch (end) {
    case StreamEnd::kComplete:
    case StreamEnd::kRequestError:
      return Finish(std::move(status));
    case StreamEnd::kBusy:
      return TryElsewhere("full");
    case StreamEnd::kTooSmall: {
      const int64_t larger = static_cast<int64_t>(worker->model().limits().max_context()) + 1;
      if (!environment_.registry->HasWorker(call_.request.model(), "", larger)) return Finish(std::move(status));
      min_context_ = larger;
      return TryElsewhere("small");
    }
    case StreamEnd::kWorkerFault:
      return DecideAfterFault(status, worker, loss);
  }
}

void GenerateRelay::DecideAfterFault(const absl::Status& status, const std::shared_ptr<Worker>& worker,
                                     const std::optional<WorkerLoss>& loss) {
  ++faults_;
  tried_.push_back(worker);
  if (ReasonOf(status) == v1::ERROR_REASON_DEVICE_LOST) dead_.insert(worker.get());
  for (const std::shared_ptr<Worker>& each : tried_) {
    if (each->died()) dead_.insert(each.get());
  }
  Log(LogLevel::kWarning, "request_lost_worker",
      {{"request", call_.request.request_id()},
       {"worker", worker->id()},
       {"sent_tokens", ledger_.sent_tokens()},
       {"faults", faults_},
       {"error", Describe(status)}});
  if (dead_.size() >= kPoisonDeaths) return FinishAsPoison();
  const int64_t sent = ledger_.sent_tokens();
  if (faults_ > kMaxRetries || (ledger_.has_tokens() && !ledger_.resumable())) {
    const bool said_by_worker =
        status.code() == absl::StatusCode::kInternal && !ErrorInfoOf(status).reason().empty();
    const std::string why = absl::StrCat(faults_, faults_ == 1 ? " worker" : " workers", " tried, the limit is ",
                                         kMaxRetries + 1);
    return Finish(said_by_worker ? status : WorkerLostError(worker->id(), why, sent, status));
  }
  if (!TakeRetry(status, loss)) {
    return Finish(WithRetryAfter(
        WorkerLostError(worker->id(), "too many requests have been tried again lately", sent, status),
        absl::Seconds(1)));
  }
  // One worker died of this request. Whether this one did too is known in a moment; a third is not risked.
  const bool is_suspect = !dead_.empty() && dead_.count(worker.get()) == 0 && IsConnectionError(status) && !loss.has_value();
  TryElsewhere(FaultCause(loss, status), is_suspect ? kDeathNews : absl::ZeroDuration());
  if (!is_suspect) return;
  const uint64_t listener = worker->OnLoss([weak = weak_from_this()](WorkerLoss what) {
    const std::shared_ptr<GenerateRelay> self = weak.lock();
    if (self != nullptr && what == WorkerLoss::kLeaseEnded) self->OnSuspectDied();
  });
  if (listener == 0) OnSuspectDied();
}

bool GenerateRelay::TakeRetry(const absl::Status& status, const std::optional<WorkerLoss>& loss) {
  // The requests of one dead or stalled worker are an event that ends by itself, and none of them may be lost;
  // a broken connection may be the first sign of it. Streams that have begun are always resumed.
  if (ledger_.has_tokens() || loss.has_value() || (faults_ == 1 && IsConnectionError(status))) return true;
  return environment_.budget->TakeRetry(absl::Now());
}

void GenerateRelay::OnSuspectDied() {
  if (environment_.dispatcher->Remove(id_)) FinishAsPoison();
}

void GenerateRelay::FinishAsPoison() {
  const absl::Time now = absl::Now();
  environment_.poison->Add(fingerprint_, now);
  environment_.metrics->poison_total->Add();
  Log(LogLevel::kError, "poison_request", {{"request", call_.request.request_id()}, {"workers_died", kPoisonDeaths}});
  Finish(PoisonError(environment_.poison->RefusedFor(fingerprint_, now)));
}

void GenerateRelay::TryElsewhere(const std::string& cause, absl::Duration hold) {
  if (!takeover_cause_.empty()) ReportTakeOver(false);
  takeover_cause_ = cause;
  takeover_resumes_ = ledger_.has_tokens();
  ledger_.TakeOver();
  sent_before_ = ledger_.sent_tokens();
  prompt_computed_ = false;
  const absl::Time now = absl::Now();
  WorkerNeed need = MakeNeed(now);
  if (hold > absl::ZeroDuration()) need.hold_until = now + hold;
  environment_.dispatcher->EnqueueAgain(id_, std::move(need), shared_from_this());
  FinishIfCancelled();
}

void GenerateRelay::ReportTakeOver(bool ok) {
  if (takeover_resumes_) {
    environment_.metrics->Resumed(takeover_cause_, ok);
  } else {
    environment_.metrics->Retried(takeover_cause_, ok);
  }
  takeover_cause_.clear();
}

void GenerateRelay::Finish(absl::Status status) {
  {
    absl::MutexLock lock(&mutex_);
    if (phase_ == Phase::kEnded) return;
    phase_ = Phase::kEnded;
  }
  if (!takeover_cause_.empty()) ReportTakeOver(false);
  if (!status.ok() && entry_ != nullptr) {
    status = WithMetadata(std::move(status), "request_id", call_.request.request_id());
  }
  ObserveEnd(status);
  LogEnd(status);
  if (quota_place_ != nullptr && ledger_.started()) {
    quota_place_->Used(ledger_.started_event().prompt_tokens() + ledger_.sent_tokens());
  }
  quota_place_.reset();
  entry_.reset();
  client_->OnDone(std::move(status));
}

void GenerateRelay::ObserveQueueWait() {
  queue_wait_ = absl::Now() - arrived_;
  environment_.metrics->queue_wait_seconds->Observe(absl::ToDoubleSeconds(queue_wait_));
}

void GenerateRelay::ObserveDelta(absl::Time came) {
  if (first_delta_ == absl::InfinitePast()) {
    first_delta_ = came;
    environment_.metrics->first_token_seconds->Observe(absl::ToDoubleSeconds(came - arrived_));
  } else {
    environment_.metrics->token_latency_seconds->Observe(absl::ToDoubleSeconds(came - last_delta_));
  }
  last_delta_ = came;
}

void GenerateRelay::ObserveEnd(const absl::Status& status) {
  RouterMetrics& metrics = *environment_.metrics;
  metrics.RequestFinished(ModelLabel(), status, ledger_.finish_reason(), absl::Now() - arrived_);
  const int64_t tokens = ledger_.sent_tokens();
  metrics.output_tokens_total->Add(static_cast<double>(tokens));
  if (tokens > 1) {
    metrics.time_per_token_seconds->Observe(absl::ToDoubleSeconds(last_delta_ - first_delta_) /
                                            static_cast<double>(tokens - 1));
  }
  if (!status.ok()) return;
  const v1::Usage& usage = ledger_.usage();
  metrics.prompt_tokens->Observe(usage.prompt_tokens());
  metrics.output_tokens->Observe(static_cast<double>(tokens));
  const uint32_t cached = std::min(ledger_.started_event().cached_tokens(), usage.prompt_tokens());
  metrics.prompt_tokens_cached_total->Add(cached);
  metrics.prompt_tokens_computed_total->Add(usage.prompt_tokens() - cached);
}

void GenerateRelay::LogEnd(const absl::Status& status) const {
  RequestEnd end;
  end.request_id = call_.request.request_id();
  end.tenant = call_.tenant, end.method = call_.method, end.model = ModelLabel();
  end.trace = &call_.caller.trace, end.ledger = &ledger_;
  end.worker = last_worker_, end.faults = faults_;
  end.queue_wait = queue_wait_, end.in_all = absl::Now() - arrived_;
  if (first_delta_ != absl::InfinitePast()) end.to_first_token = first_delta_ - arrived_;
  LogRequestEnd(end, status);
}

std::string GenerateRelay::ModelLabel() const {
  const std::string& model = call_.request.model();
  return environment_.registry->IsKnownModel(model) ? model : "other";
}

bool GenerateRelay::ended() const {
  absl::MutexLock lock(&mutex_);
  return phase_ == Phase::kEnded;
}

v1::InFlight GenerateRelay::State() const {
  v1::InFlight state;
  state.set_request_id(call_.request.request_id());
  state.set_model(call_.request.model());
  *state.mutable_arrived() = ToProto(arrived_);
  *state.mutable_age() = ToProto(absl::Now() - arrived_);
  state.set_priority(call_.request.priority());
  state.set_peer(call_.peer);
  absl::MutexLock lock(&mutex_);
  if (claim_.has_value()) state.set_worker_id(claim_->worker()->id());
  state.set_phase(phase_ != Phase::kRunning ? v1::InFlight::QUEUED
                  : sent_tokens_ == 0       ? v1::InFlight::PREFILL
                                            : v1::InFlight::DECODE);
  state.set_output_tokens(static_cast<uint32_t>(sent_tokens_));
  state.set_attempts(static_cast<uint32_t>(attempts_));
  return state;
}

}  // namespace hekla::service
