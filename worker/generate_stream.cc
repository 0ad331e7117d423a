#include "worker/generate_stream.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_format.h"
#include "worker/base/status_macros.h"

namespace hekla::worker {
namespace {

constexpr absl::Duration kKeepaliveInterval = absl::Seconds(1);

}  // namespace

std::string MakeRequestId() {
  thread_local std::mt19937_64 generator(std::random_device{}());
  return absl::StrFormat("%016x%016x", generator(), generator());
}

absl::StatusOr<std::shared_ptr<RunningRequest>> GenerateStream::Read() {
  HEKLA_RETURN_IF_ERROR(origin().caller);
  HEKLA_RETURN_IF_ERROR(service::CheckPromptBytes(*request_, context().limits.max_prompt_bytes));
  HEKLA_ASSIGN_OR_RETURN(ReadRequest read,
                         ReadGenerateRequest(*request_, context().model, v1::PRIORITY_NORMAL));
  if (read.request_id.empty()) read.request_id = MakeRequestId();
  read.trace = origin().trace;
  return RunningRequest::Start(&context(), std::move(read), origin().deadline, weak_from_this());
}

void GenerateStream::BeginRequest() {
  last_message_ = absl::Now();
  absl::StatusOr<std::shared_ptr<RunningRequest>> run = Read();
  if (run.ok()) {
    run_ = *std::move(run);
  } else {
    error_ = run.status();
    LogRefusal(request_->request_id(), origin().trace, error_);
  }
}

GenerateStream::Next GenerateStream::NextMessage(absl::Time now, v1::GenerateResponse* out,
                                                   absl::Status* status, absl::Time* wake_at) {
  bool took = false;
  for (bool arm = false; run_ != nullptr; arm = true) {
    if (error_.ok()) error_ = run_->Poll(now, arm, &took);
    if (run_->started() && !started_sent_) {
      started_sent_ = true;
      last_message_ = now;
      run_->FillStarted(out->mutable_started());
      return Next::kWrite;
    }
    if (started_sent_ && run_->PromptIsDue()) {
      last_message_ = now;
      run_->TakePrompt(out->mutable_prompt());
      return Next::kWrite;
    }
    if (!run_->awaits_prompt()) {
      if (const Next next = NextOfSamples(now, out); next != Next::kNothing) return next;
    }
    if (!error_.ok() || (arm && !took)) break;
  }
  if (!error_.ok()) {
    *status = error_;
    return Next::kFail;
  }
  *wake_at = run_->NextDue();
  return started_sent_ ? NextKeepalive(now, out, wake_at) : Next::kNothing;
}

GenerateStream::Next GenerateStream::NextOfSamples(absl::Time now, v1::GenerateResponse* out) {
  const auto& samples = run_->samples();
  for (size_t i = 0; i < samples.size(); ++i) {
    RunningSample& sample = *samples[turn_];
    turn_ = (turn_ + 1) % samples.size();
    if (sample.DeltaIsDue(now) || (!error_.ok() && sample.generation().has_delta())) {
      last_message_ = now;
      sample.TakeDelta(out->mutable_delta());
      return Next::kWrite;
    }
    if (!error_.ok() || !sample.FinishedIsDue()) continue;
    last_message_ = now;
    sample.TakeFinished(out->mutable_finished());
    const bool last =
        std::all_of(samples.begin(), samples.end(), [](const auto& each) { return each->finished_taken(); });
    return last ? Next::kWriteLast : Next::kWrite;
  }
  return Next::kNothing;
}

GenerateStream::Next GenerateStream::NextKeepalive(absl::Time now, v1::GenerateResponse* out,
                                                     absl::Time* wake_at) {
  *wake_at = std::min(*wake_at, last_message_ + kKeepaliveInterval);
  if (now < last_message_ + kKeepaliveInterval) return Next::kNothing;
  last_message_ = now;
  const bool decoding = run_->output_tokens() > run_->request().engine.resumed_tokens;
  out->mutable_keepalive()->set_phase(decoding ? v1::Keepalive::DECODE : v1::Keepalive::PREFILL);
  out->mutable_keepalive()->set_prefill_total(run_->request().engine.prompt.size());
  if (decoding) out->mutable_keepalive()->set_prefill_done(run_->request().engine.prompt.size());
  return Next::kWrite;
}

void GenerateStream::StopAll() {
  if (run_ != nullptr) run_->Stop();
}

bool GenerateStream::Parked() const { return run_ != nullptr && run_->parked(); }

}  // namespace hekla::worker
