#include "service/router/generate_call.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/time/clock.h"
#include "service/runtime/status.h"

namespace hekla::service {

absl::Time DeadlineOf(const grpc::CallbackServerContext& context) {
  const auto deadline = context.deadline();
  return deadline == std::chrono::system_clock::time_point::max() ? absl::InfiniteFuture()
                                                                  : absl::FromChrono(deadline);
}

absl::Status CancelReason(absl::Time deadline) {
  if (absl::Now() >= deadline) {
    return MakeError(absl::StatusCode::kDeadlineExceeded, v1::ERROR_REASON_DEADLINE,
                     "the call's deadline is past");
  }
  return MakeError(absl::StatusCode::kCancelled, v1::ERROR_REASON_CANCELLED, "the client cancelled the call");
}

std::string PhaseLabel(const GenerateRelay& relay) {
  return absl::AsciiStrToLower(v1::InFlight::Phase_Name(relay.State().phase()));
}

bool MergeDelta(const v1::GenerateResponse& next, v1::GenerateResponse* last) {
  if (!next.has_delta() || !last->has_delta()) return false;
  const v1::Delta& more = next.delta();
  v1::Delta& delta = *last->mutable_delta();
  if (delta.sample_index() != more.sample_index() ||
      delta.token_offset() + delta.token_count() != more.token_offset()) {
    return false;
  }
  delta.set_token_count(delta.token_count() + more.token_count());
  delta.mutable_token_ids()->MergeFrom(more.token_ids());
  delta.mutable_text()->append(more.text());
  delta.mutable_logprobs()->MergeFrom(more.logprobs());
  return true;
}

GenerateCall::GenerateCall(const RelayEnvironment& environment, grpc::CallbackServerContext* context,
                           const v1::GenerateRequest& request, const Caller& caller)
    : place_(environment.calls),
      metrics_(environment.metrics),
      deadline_(DeadlineOf(*context)),
      relay_(std::make_shared<GenerateRelay>(
          environment,
          GenerateRelay::Call{request, v1::PRIORITY_NORMAL, deadline_, context->peer(), "Generate",
                              caller.grant->tenant, caller},
          this)) {
  relay_->Start();
}

bool GenerateCall::OnResponse(v1::GenerateResponse response) {
  absl::MutexLock lock(&mutex_);
  if (is_broken_) return true;
  Append(std::move(response));
  WriteOrFinish();
  is_behind_ = waiting_tokens_ >= kMaxWaitingTokens;
  return !is_behind_;
}

void GenerateCall::OnDone(absl::Status status) {
  absl::MutexLock lock(&mutex_);
  end_ = std::move(status);
  WriteOrFinish();
}

void GenerateCall::OnKeepalive(const v1::GenerateResponse& response) {
  absl::MutexLock lock(&mutex_);
  // What still waits for the client says enough.
  if (is_broken_ || is_writing_ || !waiting_.empty() || end_.has_value()) return;
  Append(response);
  WriteOrFinish();
}

void GenerateCall::Append(v1::GenerateResponse response) {
  if (response.has_delta()) waiting_tokens_ += response.delta().token_count();
  if (!waiting_.empty() && MergeDelta(response, &waiting_.back())) return;
  waiting_.push_back(std::move(response));
}

void GenerateCall::WriteOrFinish() {
  if (is_writing_ || is_finished_) return;
  if (!waiting_.empty() && !is_broken_) {
    written_ = std::move(waiting_.front());
    waiting_.pop_front();
    if (written_.has_delta()) waiting_tokens_ -= written_.delta().token_count();
    is_writing_ = true;
    StartWrite(&written_);
  } else if (end_.has_value()) {
    is_finished_ = true;
    Finish(ToGrpc(*end_));
  }
}

void GenerateCall::OnWriteDone(bool ok) {
  bool read_more = false;
  {
    absl::MutexLock lock(&mutex_);
    is_writing_ = false;
    is_broken_ |= !ok;
    if (is_broken_) waiting_.clear(), waiting_tokens_ = 0;
    read_more = is_behind_ && waiting_tokens_ < kMaxWaitingTokens && !end_.has_value();
    if (read_more) is_behind_ = false;
  }
  if (read_more) relay_->ReadMore();
  absl::MutexLock lock(&mutex_);
  WriteOrFinish();
}

void GenerateCall::OnDone() {
  // Whoever called Finish() did so under the lock and may hold it still.
  { absl::MutexLock lock(&mutex_); }
  delete this;
}

void GenerateCall::OnCancel() {
  const absl::Status why = CancelReason(deadline_);
  if (absl::IsCancelled(why)) {
    metrics_->ClientCancelled(PhaseLabel(*relay_));
  }
  {
    absl::MutexLock lock(&mutex_);
    is_broken_ = true;
  }
  relay_->Cancel(why);
}

}  // namespace hekla::service
