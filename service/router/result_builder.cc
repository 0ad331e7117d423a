#include "service/router/result_builder.h"

namespace hekla::service {
namespace {

v1::Result::Sample& SampleOf(uint32_t index, v1::Result* result) {
  while (result->samples_size() <= static_cast<int>(index)) result->add_samples();
  return *result->mutable_samples(static_cast<int>(index));
}

}  // namespace

void AddToResult(const v1::GenerateResponse& response, v1::Result* result) {
  if (response.has_started()) *result->mutable_started() = response.started();
  if (response.has_prompt()) *result->mutable_prompt() = response.prompt();
  if (response.has_delta()) {
    const v1::Delta& delta = response.delta();
    v1::Result::Sample& sample = SampleOf(delta.sample_index(), result);
    sample.mutable_text()->append(delta.text());
    sample.mutable_token_ids()->MergeFrom(delta.token_ids());
    sample.mutable_logprobs()->MergeFrom(delta.logprobs());
  }
  if (response.has_finished()) {
    *SampleOf(response.finished().sample_index(), result).mutable_finished() = response.finished();
  }
}

}  // namespace hekla::service
