// PURE: what the router refuses by itself, before a request takes a place in the queue. All bad fields of a
// request are reported at once. What needs the tokenizer is left to the worker.
#ifndef HEKLA_SERVICE_ROUTER_REQUEST_CHECK_H_
#define HEKLA_SERVICE_ROUTER_REQUEST_CHECK_H_

#include <cstdint>

#include "absl/status/status.h"
#include "hekla/v1/inference.pb.h"

namespace hekla::service {

inline constexpr int kMaxNameBytes = 128;  // of request_id, tag, session.id, cache_scope
inline constexpr int kMaxBatchItems = 1024;

// Fields by themselves: INVALID_ARGUMENT INVALID_FIELD.
absl::Status CheckRequest(const v1::GenerateRequest& request);

// Against the model, with its workers' largest limits: token ids beyond the vocabulary, INVALID_ARGUMENT
// PROMPT_TOO_LONG and NEVER_FITS for prompts given as ids.
absl::Status CheckFits(const v1::GenerateRequest& request, const v1::Model& model);

// The batch itself; items are checked one by one with CheckRequest.
absl::Status CheckBatch(const v1::BatchGenerateRequest& request);

// Prompt tokens: exact for ids, a guess from the bytes for text.
int64_t EstimatePromptTokens(const v1::GenerateRequest& request);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_REQUEST_CHECK_H_
