#include "worker/running_request.h"

#include <algorithm>
#include <atomic>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "service/runtime/log.h"
#include "service/runtime/status.h"
#include "worker/base/status_macros.h"

namespace hekla::worker {
namespace {

uint64_t RandomSeed() {
  thread_local std::mt19937_64 generator(std::random_device{}());
  return generator();
}

ReadRequest WithSeed(ReadRequest request) {
  if (!request.seed_given) request.engine.sampling.seed = RandomSeed();
  return request;
}

// The engine's refusal as the client sees it.
absl::Status Refusal(const absl::Status& status, bool draining) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return service::MakeError(status.code(), v1::ERROR_REASON_NEVER_FITS, status.message());
    case absl::StatusCode::kResourceExhausted:
      return service::WithQuotaFailure(
          service::WithRetryAfter(
              service::MakeError(status.code(), v1::ERROR_REASON_QUEUE_FULL, status.message()),
              absl::Milliseconds(500)),
          "worker.queue", status.message());
    case absl::StatusCode::kUnavailable:
      if (!draining) break;
      return service::WithRetryAfter(
          service::MakeError(status.code(), v1::ERROR_REASON_DRAINING, status.message()), absl::Seconds(1));
    default:
      break;
  }
  return service::MakeError(absl::StatusCode::kInternal, v1::ERROR_REASON_DEVICE_LOST, status.message());
}

constexpr size_t kMaxIdBytes = 128;

}  // namespace

absl::Status ServiceContext::CheckCaller(const grpc::CallbackServerContext& call) const {
  HEKLA_ASSIGN_OR_RETURN(const std::shared_ptr<const service::Grant> grant, authenticator.Check(call));
  return service::CheckModelAllowed(*grant, model.description.name());
}

void LogRefusal(const std::string& request_id, const service::TraceContext& trace,
                const absl::Status& status) {
  // Strangers can bring this about as often as they like.
  const bool is_stranger = absl::IsUnauthenticated(status);
  service::Log(is_stranger ? service::LogLevel::kDebug : service::LogLevel::kInfo, "request_refused",
               {{"request", request_id.size() <= kMaxIdBytes ? request_id : "(too long)"},
                {"trace", trace.trace_id},
                {"span", trace.span_id},
                {"parent_span", trace.parent_span_id},
                {"code", absl::StatusCodeToString(status.code())},
                {"reason", service::ErrorInfoOf(status).reason()}});
}

RunningRequest::RunningRequest(const ServiceContext* context, ReadRequest request, absl::Time deadline,
                               std::weak_ptr<WriteTask> owner)
    : context_(context),
      request_(WithSeed(std::move(request))),
      owner_(std::move(owner)),
      created_(absl::Now()),
      deadline_(deadline) {
  for (int i = 0; i < request_.samples; ++i) {
    samples_.push_back(std::make_unique<RunningSample>(context, &request_, i, owner_));
  }
}

RunningRequest::~RunningRequest() { Stop(); }

absl::StatusOr<std::shared_ptr<RunningRequest>> RunningRequest::Start(const ServiceContext* context,
                                                                      ReadRequest request,
                                                                      absl::Time deadline,
                                                                      std::weak_ptr<WriteTask> owner) {
  if (context->draining) return Refusal(absl::UnavailableError("this worker takes no new requests"), true);
  std::shared_ptr<RunningRequest> run(
      new RunningRequest(context, std::move(request), deadline, std::move(owner)));
  const std::string& id = run->request_.request_id;
  if (!context->inflight->Add(id, run)) {
    return service::MakeError(absl::StatusCode::kAlreadyExists, v1::ERROR_REASON_DUPLICATE_REQUEST,
                              absl::StrCat("request_id: \"", id, "\" is in flight already"));
  }
  run->registered_ = true;
  const absl::Status submitted = run->Submit();
  if (!submitted.ok()) {  // never was a request here: nothing to log the end of
    context->inflight->Remove(id);
    run->registered_ = false;
    return Refusal(submitted, context->engine->Status().draining);
  }
  return run;
}

absl::Status RunningRequest::Submit() {
  static std::atomic<uint64_t> last_group{0};
  schedule::Request engine_request = request_.engine;
  engine_request.name = request_.request_id;
  if (samples_.size() > 1) engine_request.group = ++last_group;
  if (deadline_ != absl::InfiniteFuture()) {
    const int64_t left_us = absl::ToInt64Microseconds(deadline_ - absl::Now());
    engine_request.deadline_us = std::max<int64_t>(1, context_->engine->NowMicros() + left_us);
  }
  for (const std::unique_ptr<RunningSample>& sample : samples_) {
    const absl::Status status = sample->Submit(engine_request);
    if (!status.ok()) return status;  // the destructor stops those before
  }
  return absl::OkStatus();
}

void RunningRequest::Abort(absl::Status status) {
  {
    absl::MutexLock lock(&abort_mutex_);
    if (abort_.ok()) abort_ = std::move(status);
  }
  if (std::shared_ptr<WriteTask> owner = owner_.lock()) context_->loop->Post(std::move(owner));
}

absl::Status RunningRequest::Poll(absl::Time now, bool arm, bool* took) {
  return end_ = TakeEvents(now, arm, took);
}

absl::Status RunningRequest::TakeEvents(absl::Time now, bool arm, bool* took) {
  {
    absl::MutexLock lock(&abort_mutex_);
    if (!abort_.ok()) return abort_;
  }
  *took = false;
  for (const std::unique_ptr<RunningSample>& sample : samples_) {
    const absl::Status status = sample->Poll(now, arm, took);
    if (!status.ok()) return status;
  }
  if (ended() || started() || !request_.queue_timeout.has_value() || now - created_ < *request_.queue_timeout)
    return absl::OkStatus();
  return service::WithRetryAfter(
      service::MakeError(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_QUEUE_TIMEOUT,
                         absl::StrCat("queue_timeout: no place came free within ",
                                      absl::FormatDuration(*request_.queue_timeout))),
      absl::Seconds(1));
}

void RunningRequest::Stop() {
  for (const std::unique_ptr<RunningSample>& sample : samples_) sample->Stop();
  if (!registered_) return;
  LogEnd();
  context_->inflight->Remove(request_.request_id);
  registered_ = false;
}

// Never the prompt, the output or an error's message: those name what the client sent.
void RunningRequest::LogEnd() const {
  absl::Status end = end_;
  if (end.ok() && !ended()) {  // the stream went: its deadline or its client
    end = absl::Now() >= deadline_
              ? service::MakeError(absl::StatusCode::kDeadlineExceeded, v1::ERROR_REASON_DEADLINE, "")
              : service::MakeError(absl::StatusCode::kCancelled, v1::ERROR_REASON_CANCELLED, "");
  }
  const service::TraceContext& trace = request_.trace;
  absl::Time first_token = absl::InfiniteFuture();
  for (const std::unique_ptr<RunningSample>& sample : samples_) first_token = std::min(first_token, sample->first_token());
  const absl::Duration to_first_token =
      first_token == absl::InfiniteFuture() ? absl::ZeroDuration() : first_token - created_;
  service::Log(service::IsServerFault(end.code()) ? service::LogLevel::kWarning : service::LogLevel::kInfo,
               "request",
               {{"request", request_.request_id},
                {"trace", trace.trace_id},
                {"span", trace.span_id},
                {"parent_span", trace.parent_span_id},
                {"code", absl::StatusCodeToString(end.code())},
                {"reason", service::ErrorInfoOf(end).reason()},
                {"prompt_tokens", request_.prompt_tokens()},
                {"output_tokens", output_tokens()},
                {"queue_s", absl::ToDoubleSeconds(FirstStarted().queue_time())},
                {"first_token_s", absl::ToDoubleSeconds(to_first_token)},
                {"total_s", absl::ToDoubleSeconds(absl::Now() - created_)}});
}

bool RunningRequest::started() const {
  return std::any_of(samples_.begin(), samples_.end(), [](const auto& sample) { return sample->started(); });
}

bool RunningRequest::ended() const {
  return samples_.front()->generation().prompt_is_whole() &&
         std::all_of(samples_.begin(), samples_.end(),
                     [](const auto& sample) { return sample->generation().ended(); });
}

bool RunningRequest::parked() const {
  return std::any_of(samples_.begin(), samples_.end(), [](const auto& sample) { return sample->parked(); });
}

int RunningRequest::output_tokens() const {
  int tokens = 0;
  for (const std::unique_ptr<RunningSample>& sample : samples_)
    tokens += sample->generation().output_tokens();
  return tokens;
}

const RunningSample& RunningRequest::FirstStarted() const {
  const auto first =
      std::find_if(samples_.begin(), samples_.end(), [](const auto& s) { return s->started(); });
  return first == samples_.end() ? *samples_.front() : **first;
}

void RunningRequest::FillStarted(v1::Started* out) const {
  const RunningSample& sample = FirstStarted();
  sample.generation().FillStarted(sample.queue_time(), sample.cached_tokens(), out);
}

void RunningRequest::TakePrompt(v1::Prompt* out) {
  prompt_taken_ = true;
  samples_.front()->TakePrompt(out);
}

absl::Time RunningRequest::NextDue() const {
  absl::Time due = absl::InfiniteFuture();
  if (!started() && request_.queue_timeout.has_value()) due = created_ + *request_.queue_timeout;
  if (awaits_prompt()) return due;
  for (const std::unique_ptr<RunningSample>& sample : samples_) due = std::min(due, sample->NextDue());
  return due;
}

}  // namespace hekla::worker
