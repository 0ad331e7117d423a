#include "service/router/stream_ledger.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace hekla::service {
namespace {

size_t SampleCount(const v1::GenerateRequest& request) {
  return request.output().has_n() ? std::max(1u, request.output().n()) : 1;
}

}  // namespace

StreamLedger::StreamLedger(const v1::GenerateRequest& request)
    : wants_ids_(!request.output().has_token_ids() || request.output().token_ids()),
      samples_(SampleCount(request)) {
  samples_[0].ids.assign(request.resume_token_ids().begin(), request.resume_token_ids().end());
}

absl::Status StreamLedger::Accept(v1::GenerateResponse response, std::vector<v1::GenerateResponse>* forward) {
  switch (response.event_case()) {
    case v1::GenerateResponse::kStarted:
      return AcceptStarted(std::move(response), forward);
    case v1::GenerateResponse::kDelta:
      return AcceptDelta(std::move(response), forward);
    case v1::GenerateResponse::kFinished:
      return AcceptFinished(std::move(response), forward);
    case v1::GenerateResponse::kPrompt:
      if (!prompt_sent_) forward->push_back(std::move(response));
      prompt_sent_ = true;
      return absl::OkStatus();
    case v1::GenerateResponse::kKeepalive:
      forward->push_back(std::move(response));
      return absl::OkStatus();
    case v1::GenerateResponse::EVENT_NOT_SET:
      return absl::DataLossError("the worker sent a response without an event");
  }
  return absl::DataLossError("the worker sent an unknown event");
}

absl::Status StreamLedger::AcceptStarted(v1::GenerateResponse response,
                                         std::vector<v1::GenerateResponse>* forward) {
  if (worker_started_) return absl::DataLossError("the worker sent Started twice");
  worker_started_ = true;
  const v1::Started& started = response.started();
  if (started_.has_value()) {
    if (started.weights_hash() == started_->weights_hash()) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat("the stream began with weights ", started_->weights_hash(),
                                            ", this worker has ", started.weights_hash()));
  }
  started_ = started;
  forward->push_back(std::move(response));
  return absl::OkStatus();
}

absl::Status StreamLedger::AcceptDelta(v1::GenerateResponse response,
                                       std::vector<v1::GenerateResponse>* forward) {
  v1::Delta& delta = *response.mutable_delta();
  if (!worker_started_) return absl::DataLossError("the worker sent a delta before Started");
  if (delta.sample_index() >= samples_.size()) {
    return absl::DataLossError(
        absl::StrCat("the worker sent sample ", delta.sample_index(), " of ", samples_.size()));
  }
  SampleLedger& sample = samples_[delta.sample_index()];
  if (sample.finished) return absl::DataLossError("the worker sent a delta after Finished");
  if (delta.token_offset() != sample.ids.size()) {
    return absl::DataLossError(absl::StrCat("the worker's delta is at token ", delta.token_offset(),
                                            ", expected ", sample.ids.size()));
  }
  if (delta.token_count() != static_cast<uint32_t>(delta.token_ids_size())) {
    return absl::DataLossError(absl::StrCat("the worker's delta has ", delta.token_ids_size(),
                                            " ids, token_count is ", delta.token_count()));
  }
  for (const uint32_t id : delta.token_ids()) {
    if (vocabulary_ == 0 || id < vocabulary_) continue;
    return absl::DataLossError(
        absl::StrCat("the worker sent token id ", id, ", its vocabulary has ", vocabulary_, " ids"));
  }
  ReleaseTail(sample, forward);
  if (delta.token_count() == 0) {
    sample.tail = std::move(delta);
    return absl::OkStatus();
  }
  sample.ids.insert(sample.ids.end(), delta.token_ids().begin(), delta.token_ids().end());
  sent_tokens_ += delta.token_count();
  if (!wants_ids_) delta.clear_token_ids();
  forward->push_back(std::move(response));
  return absl::OkStatus();
}

absl::Status StreamLedger::AcceptFinished(v1::GenerateResponse response,
                                          std::vector<v1::GenerateResponse>* forward) {
  v1::Finished& finished = *response.mutable_finished();
  if (!worker_started_) return absl::DataLossError("the worker sent Finished before Started");
  if (finished.sample_index() >= samples_.size() || samples_[finished.sample_index()].finished) {
    return absl::DataLossError(absl::StrCat("the worker finished sample ", finished.sample_index(),
                                            " twice or of too many; there are ", samples_.size()));
  }
  SampleLedger& sample = samples_[finished.sample_index()];
  sample.finished = true;
  ReleaseTail(sample, forward);
  finished.mutable_usage()->set_resumed_times(static_cast<uint32_t>(takeovers_with_tokens_));
  finish_reason_ = finished.reason();
  usage_ = finished.usage();
  forward->push_back(std::move(response));
  return absl::OkStatus();
}

void StreamLedger::ReleaseTail(SampleLedger& sample, std::vector<v1::GenerateResponse>* forward) {
  if (!sample.tail.has_value()) return;
  *forward->emplace_back().mutable_delta() = *std::move(sample.tail);
  sample.tail.reset();
}

void StreamLedger::TakeOver() {
  worker_started_ = false;
  if (has_tokens()) ++takeovers_with_tokens_;
  for (SampleLedger& sample : samples_) sample.tail.reset();
}

v1::GenerateRequest StreamLedger::WorkerRequest(const v1::GenerateRequest& request) const {
  v1::GenerateRequest result = request;
  result.mutable_output()->set_token_ids(true);
  if (prompt_sent_) result.mutable_output()->clear_prompt_logprobs();  // they need not be computed again
  // The router has seen to it that the worker is the right one.
  if (result.session().affinity() == v1::Session::REQUIRE) result.mutable_session()->set_affinity(v1::Session::PREFER);
  if (resumable()) {
    result.mutable_resume_token_ids()->Assign(samples_[0].ids.begin(), samples_[0].ids.end());
  }
  if (started_.has_value()) result.mutable_sampling()->set_seed(started_->seed());
  return result;
}

bool StreamLedger::complete() const {
  return std::all_of(samples_.begin(), samples_.end(),
                     [](const SampleLedger& sample) { return sample.finished; });
}

}  // namespace hekla::service
