#include "service/router/generate_relay.h"

#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "service/router/model_access.h"
#include "service/router/random_name.h"
#include "service/router/request_check.h"
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

// The worker takes no more for now; nothing is wrong with it or with the request.
bool IsBusy(const absl::Status& status) {
  const v1::ErrorReason reason = ReasonOf(status);
  return reason == v1::ERROR_REASON_QUEUE_FULL || reason == v1::ERROR_REASON_DRAINING;
}

// The worker failed, not the request: another worker may do better.
bool IsWorkerFault(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:
      return true;  // by the worker: our own cancel is decided before
    default:
      return false;
  }
}

absl::Status WorkerLost(const std::string& worker, int workers, int64_t sent_tokens,
                        const absl::Status& status) {
  return WithMetadata(
      MakeError(absl::StatusCode::kUnavailable, v1::ERROR_REASON_WORKER_LOST,
                absl::StrCat("worker '", worker, "' was lost (", status.message(), "); ", workers,
                             workers == 1 ? " worker" : " workers", " tried, the limit is ", kMaxRetries + 1,
                             "; ", sent_tokens, " tokens were delivered")),
      "worker", worker);
}

}  // namespace

GenerateRelay::GenerateRelay(const RelayEnvironment& environment, Call call, Client* client)
    : environment_(environment),
      call_(std::move(call)),
      client_(client),
      id_(NextId()),
      ledger_(call_.request) {}

void GenerateRelay::Start() {
  environment_.metrics->RequestStarted(call_.method);
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
  for (const v1::Model& model : environment_.registry->Models()) {
    if (model.name() == request.model()) HEKLA_RETURN_IF_ERROR(CheckFits(request, model));
  }
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

WorkerNeed GenerateRelay::MakeNeed(absl::Time queued_at) const {
  const v1::GenerateRequest& request = call_.request;
  WorkerNeed need;
  need.model = request.model();
  if (ledger_.started()) need.weights_hash = ledger_.started_event().weights_hash();
  need.priority = PriorityLevel(request.priority());
  need.prompt_tokens = EstimatePromptTokens(request) + ledger_.sent_tokens();
  need.arrived = arrived_;
  need.queue_end = queued_at + (request.has_queue_timeout() ? FromProto(request.queue_timeout())
                                                            : environment_.queue_timeout);
  need.tried = tried_;
  return need;
}

void GenerateRelay::OnWorker(Claim claim) {
  const std::shared_ptr<Worker> worker = claim.worker();
  last_worker_ = worker->id();
  // Told before the stream is known here, or seen as lost() below: no loss goes unnoticed.
  const uint64_t listener = worker->OnLoss([weak = weak_from_this(), lost = worker.get()] {
    if (const std::shared_ptr<GenerateRelay> self = weak.lock()) self->OnWorkerLost(lost);
  });
  auto stream = std::make_unique<WorkerStream>(worker, ledger_.WorkerRequest(call_.request), call_.deadline,
                                               call_.caller.trace, shared_from_this());
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
      stream_ = stream.get();
      worker_lost_ = worker->lost();
      if (worker_lost_) stream_->Cancel();
    }
  }
  if (cancelled.has_value()) {
    worker->ForgetLoss(listener);
    return Finish(*std::move(cancelled));
  }
  stream.release()->Start();
}

void GenerateRelay::OnRefused(absl::Status status) {
  if (tried_.empty()) environment_.metrics->Rejected(ModelLabel(), status);
  if (ledger_.has_tokens() && !tried_.empty()) {
    status = WorkerLost(tried_.back()->id(), static_cast<int>(tried_.size()), ledger_.sent_tokens(), status);
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
  sent_tokens_ = ledger_.sent_tokens();
  if (!status.ok()) {
    broken_ = std::move(status);
    stream_->Cancel();
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
    client_reads = client_->OnResponse(std::move(response));
    if (!is_first) continue;
    environment_.metrics->overhead_seconds->Observe(absl::ToDoubleSeconds(absl::Now() - came));
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

bool GenerateRelay::IsStopping() const { return cancelled_.has_value() || worker_lost_ || !broken_.ok(); }

void GenerateRelay::StopStream() {
  stream_->Cancel();
  if (!paused_) return;
  // Without a read outstanding the end of the stream would not be noticed.
  paused_ = false;
  stream_->Read();
}

void GenerateRelay::OnWorkerLost(const Worker* worker) {
  absl::MutexLock lock(&mutex_);
  if (stream_ == nullptr || claim_->worker().get() != worker) return;
  worker_lost_ = true;
  StopStream();
}

void GenerateRelay::Cancel(absl::Status why) {
  {
    absl::MutexLock lock(&mutex_);
    if (phase_ == Phase::kEnded || cancelled_.has_value()) return;
    cancelled_ = std::move(why);
    if (stream_ != nullptr) return StopStream();
  }
  FinishIfCancelled();
}

void GenerateRelay::Tick(absl::Time now) {
  {
    absl::MutexLock lock(&mutex_);
    if (!paused_ || now - paused_at_ < kSlowClientLimit) return;
  }
  environment_.metrics->slow_consumer_total->Add();
  Cancel(MakeError(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_SLOW_CONSUMER,
                   absl::StrCat("the client did not read the stream for longer than the limit of ",
                                absl::FormatDuration(kSlowClientLimit))));
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
  bool worker_lost = false;
  uint64_t listener = 0;
  {
    absl::MutexLock lock(&mutex_);
    phase_ = Phase::kQueued;
    stream_ = nullptr;
    paused_ = false;
    claim.emplace(*std::move(claim_));
    claim_.reset();
    cancelled = cancelled_;
    worker_lost = worker_lost_;
    listener = loss_listener_;
    if (!broken_.ok()) status = broken_;
  }
  const std::shared_ptr<Worker> worker = claim->worker();
  worker->ForgetLoss(listener);
  if (IsBusy(status)) claim->WorkerIsFull();
  claim.reset();  // the place is free before the client knows that the request has ended
  if (cancelled.has_value()) return Finish(*std::move(cancelled));
  DecideAfter(std::move(status), worker, worker_lost);
}

void GenerateRelay::DecideAfter(absl::Status status, const std::shared_ptr<Worker>& worker,
                                bool worker_lost) {
  if (status.ok() && ledger_.complete()) return Finish(absl::OkStatus());
  if (worker_lost) status = absl::UnavailableError("its lease ended");
  if (status.ok()) status = absl::DataLossError("it ended the stream before the output was finished");
  if (IsBusy(status)) return TryElsewhere("full");
  if (!IsWorkerFault(status)) return Finish(std::move(status));

  ++faults_;
  tried_.push_back(worker);
  Log(LogLevel::kWarning, "request_lost_worker",
      {{"request", call_.request.request_id()},
       {"worker", worker->id()},
       {"sent_tokens", ledger_.sent_tokens()},
       {"faults", faults_},
       {"error", Describe(status)}});
  if (faults_ > kMaxRetries || (ledger_.has_tokens() && !ledger_.resumable())) {
    const bool said_by_worker =
        status.code() == absl::StatusCode::kInternal && !ErrorInfoOf(status).reason().empty();
    return Finish(said_by_worker ? status : WorkerLost(worker->id(), faults_, ledger_.sent_tokens(), status));
  }
  TryElsewhere(worker_lost ? "lost" : absl::IsUnavailable(status) ? "connection" : "fault");
}

void GenerateRelay::TryElsewhere(const std::string& cause) {
  if (!takeover_cause_.empty()) ReportTakeOver(false);
  takeover_cause_ = cause;
  takeover_resumes_ = ledger_.has_tokens();
  ledger_.TakeOver();
  environment_.dispatcher->EnqueueAgain(id_, MakeNeed(absl::Now()), shared_from_this());
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
  metrics.prompt_tokens_cached_total->Add(usage.cached_tokens());
  metrics.prompt_tokens_computed_total->Add(usage.prompt_tokens() - usage.cached_tokens());
}

// Never the prompt, the output or an error's message: those name what the client sent.
void GenerateRelay::LogEnd(const absl::Status& status) const {
  const absl::Duration first_token =
      first_delta_ == absl::InfinitePast() ? absl::ZeroDuration() : first_delta_ - arrived_;
  const std::string& id = call_.request.request_id();
  const uint32_t prompt_tokens = ledger_.started() ? ledger_.started_event().prompt_tokens() : 0;
  LogLevel level = IsServerFault(status.code()) ? LogLevel::kWarning : LogLevel::kInfo;
  // A batch tries an item again that found no place: not its end, as a rule.
  const v1::ErrorReason reason = ReasonOf(status);
  const bool has_no_place =
      reason == v1::ERROR_REASON_QUEUE_FULL || reason == v1::ERROR_REASON_QUOTA_EXCEEDED;
  if (call_.method == "BatchGenerate" && has_no_place) level = LogLevel::kDebug;
  Log(level, "request",
      {{"request", id.size() <= kMaxNameBytes ? id : "(too long)"},
       {"trace", call_.caller.trace.trace_id},
       {"span", call_.caller.trace.span_id},
       {"parent_span", call_.caller.trace.parent_span_id},
       {"tenant", call_.tenant},
       {"method", call_.method},
       {"model", ModelLabel()},
       {"code", absl::StatusCodeToString(status.code())},
       {"reason", status.ok() ? FinishReasonLabel(ledger_.finish_reason()) : ErrorInfoOf(status).reason()},
       {"worker", last_worker_},
       {"faults", faults_},
       {"prompt_tokens", prompt_tokens},
       {"output_tokens", ledger_.sent_tokens()},
       {"queue_s", absl::ToDoubleSeconds(queue_wait_)},
       {"first_token_s", absl::ToDoubleSeconds(first_token)},
       {"total_s", absl::ToDoubleSeconds(absl::Now() - arrived_)}});
}

std::string GenerateRelay::ModelLabel() const {
  const std::string& model = call_.request.model();
  return environment_.registry->IsKnownModel(model) ? model : "other";
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
