#include "worker/tool/sequence_runner.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"

namespace hekla::tool {
namespace {

using schedule::Batch;
using schedule::BatchResult;
using schedule::kBlockTokens;
using schedule::TokenId;

}  // namespace

absl::Status SequenceRunner::Check(absl::Span<const TokenId> tokens, int more) const {
  const engine::Limits& limits = executor_.limits();
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] < 0 || tokens[i] >= limits.vocabulary) {
      return absl::InvalidArgumentError(
          absl::StrCat("token ", i, " is ", tokens[i], ", the vocabulary has 0..", limits.vocabulary - 1));
    }
  }
  const int64_t length = int64_t{position_} + int64_t(tokens.size()) + more;
  const int64_t room = std::min<int64_t>(limits.max_context, int64_t{limits.kv_blocks} * kBlockTokens);
  if (length > room) {
    return absl::InvalidArgumentError(
        absl::StrCat("the sequence would have ", length, " tokens, the context is ", room));
  }
  return absl::OkStatus();
}

Batch SequenceRunner::NextBatch(absl::Span<const TokenId> tokens) {
  Batch batch;
  batch.step = ++step_;
  if (position_ == 0) {
    batch.slots.push_back({/*slot=*/0, schedule::SamplingParams(), {}, 0});
    const engine::Limits& limits = executor_.limits();
    const int blocks = std::min((limits.max_context + kBlockTokens - 1) / kBlockTokens, limits.kv_blocks);
    for (int i = 0; i < blocks; ++i) batch.blocks.push_back({/*slot=*/0, i, i});
  }
  for (TokenId token : tokens) batch.rows.push_back({/*slot=*/0, position_++, token});
  return batch;
}

absl::Status SequenceRunner::Feed(absl::Span<const TokenId> tokens, int chunk, LogitsSink sink) {
  HEKLA_RETURN_IF_ERROR(Check(tokens, 0));
  const engine::Limits& limits = executor_.limits();
  const size_t rows = std::clamp(chunk, 1, std::min(limits.max_rows, limits.max_samples));
  for (size_t at = 0; at < tokens.size(); at += rows) {
    const int first = position_;
    Batch batch = NextBatch(tokens.subspan(at, rows));
    for (int row = 0; row < int(batch.rows.size()); ++row) batch.samples.push_back({row, /*slot=*/0});
    batch.return_logits = true;
    HEKLA_RETURN_IF_ERROR(executor_.Submit(batch));
    BatchResult result;
    HEKLA_RETURN_IF_ERROR(executor_.Await(&result));
    HEKLA_RETURN_IF_ERROR(sink(first, result.logits));
  }
  return absl::OkStatus();
}

absl::Status SequenceRunner::AwaitTokens(std::vector<TokenId>* tokens) {
  BatchResult result;
  HEKLA_RETURN_IF_ERROR(executor_.Await(&result));
  for (const schedule::SampleResult& sample : result.samples) tokens->push_back(sample.token);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TokenId>> SequenceRunner::Continue(absl::Span<const TokenId> tokens, int chunk,
                                                              int count) {
  if (tokens.empty()) return absl::InvalidArgumentError("a continuation needs at least one token");
  HEKLA_RETURN_IF_ERROR(Check(tokens, std::max(count - 1, 0)));
  const engine::Limits& limits = executor_.limits();
  const size_t rows = std::clamp(chunk, 1, limits.max_rows);
  const int depth = std::max(limits.max_in_flight, 1);
  std::vector<TokenId> out;
  int in_flight = 0;
  const auto submit = [&](const Batch& batch) -> absl::Status {
    if (in_flight == depth) {
      HEKLA_RETURN_IF_ERROR(AwaitTokens(&out));
      --in_flight;
    }
    ++in_flight;
    return executor_.Submit(batch);
  };
  for (size_t at = 0; at < tokens.size(); at += rows) {
    Batch batch = NextBatch(tokens.subspan(at, rows));
    if (at + rows >= tokens.size() && count > 0)
      batch.samples.push_back({int(batch.rows.size()) - 1, /*slot=*/0});
    HEKLA_RETURN_IF_ERROR(submit(batch));
  }
  for (int i = 1; i < count; ++i) {
    Batch batch = NextBatch({schedule::kFromDevice});
    batch.samples.push_back({0, /*slot=*/0});
    HEKLA_RETURN_IF_ERROR(submit(batch));
  }
  for (; in_flight > 0; --in_flight) HEKLA_RETURN_IF_ERROR(AwaitTokens(&out));
  return out;
}

}  // namespace hekla::tool
