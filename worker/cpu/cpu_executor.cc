#include "worker/cpu/cpu_executor.h"

#include <algorithm>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"
#include "worker/cpu/sampler.h"

namespace hekla::cpu {
namespace {

using schedule::Batch;
using schedule::BatchRow;
using schedule::BatchSample;
using schedule::kBlockTokens;
using schedule::kFromDevice;

constexpr int kMaxSequences = 1 << 16, kMaxContext = 1 << 24, kMaxRows = 1 << 20, kMaxBlocks = 1 << 30;

absl::Status CheckRange(absl::string_view what, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, " is ", value, ", allowed is ", low, "..", high));
}

int BlocksFor(int tokens) { return (tokens + kBlockTokens - 1) / kBlockTokens; }

}  // namespace

absl::StatusOr<std::unique_ptr<CpuExecutor>> CpuExecutor::Create(const model::Plan& plan,
                                                                 const CpuOptions& wanted) {
  CpuOptions options = wanted;
  HEKLA_RETURN_IF_ERROR(CheckRange("max_sequences", options.max_sequences, 1, kMaxSequences));
  HEKLA_RETURN_IF_ERROR(CheckRange("max_context", options.max_context, 1, kMaxContext));
  HEKLA_RETURN_IF_ERROR(CheckRange("max_rows", options.max_rows, 1, kMaxRows));
  HEKLA_RETURN_IF_ERROR(CheckRange("max_samples", options.max_samples, 1, kMaxRows));
  HEKLA_RETURN_IF_ERROR(CheckRange("threads", options.threads, 0, 1024));
  const int64_t all_blocks = int64_t(options.max_sequences) * BlocksFor(options.max_context);
  HEKLA_RETURN_IF_ERROR(
      CheckRange("kv_blocks", options.kv_blocks == 0 ? all_blocks : options.kv_blocks, 1, kMaxBlocks));
  if (options.kv_blocks == 0) options.kv_blocks = static_cast<int>(all_blocks);
  if (options.threads == 0) options.threads = std::max(1u, std::thread::hardware_concurrency());
  HEKLA_ASSIGN_OR_RETURN(KvCache cache, KvCache::Create(plan.config, options.kv_blocks, options.kv_float32));
  return std::unique_ptr<CpuExecutor>(new CpuExecutor(plan, options, std::move(cache)));
}

CpuExecutor::CpuExecutor(const model::Plan& plan, const CpuOptions& options, KvCache cache)
    : plan_(plan),
      options_(options),
      rope_(model::RopeTable(plan.config, options.max_context)),
      cache_(std::move(cache)),
      pool_(options.threads),
      forward_(&plan_, rope_, &cache_, &pool_),
      slots_(options.max_sequences) {
  for (Slot& slot : slots_) {
    slot.block_table.assign(BlocksFor(options.max_context), -1);
    slot.history.assign(options.max_context + 1, -1);
  }
}

absl::Status CpuExecutor::CheckLimits(const Batch& batch) const {
  HEKLA_RETURN_IF_ERROR(CheckRange("number of rows", batch.rows.size(), 1, options_.max_rows));
  HEKLA_RETURN_IF_ERROR(CheckRange("number of samples", batch.samples.size(), 0, options_.max_samples));
  for (const BatchRow& row : batch.rows) {
    HEKLA_RETURN_IF_ERROR(CheckRange("slot of a row", row.slot, 0, options_.max_sequences - 1));
    HEKLA_RETURN_IF_ERROR(CheckRange("position of a row", row.position, 0, options_.max_context - 1));
    HEKLA_RETURN_IF_ERROR(CheckRange("token of a row", row.token, kFromDevice, plan_.config.vocabulary - 1));
  }
  return absl::OkStatus();
}

absl::Status CpuExecutor::ApplyAssignments(const Batch& batch) {
  for (const schedule::SlotAssignment& assignment : batch.slots) {
    HEKLA_RETURN_IF_ERROR(CheckRange("assigned slot", assignment.slot, 0, options_.max_sequences - 1));
    slots_[assignment.slot].assignment = assignment;
  }
  for (const schedule::BlockAssignment& assignment : batch.blocks) {
    HEKLA_RETURN_IF_ERROR(CheckRange("slot of a block", assignment.slot, 0, options_.max_sequences - 1));
    HEKLA_RETURN_IF_ERROR(
        CheckRange("block index", assignment.index, 0, BlocksFor(options_.max_context) - 1));
    HEKLA_RETURN_IF_ERROR(CheckRange("block", assignment.block, 0, options_.kv_blocks - 1));
    slots_[assignment.slot].block_table[assignment.index] = assignment.block;
  }
  return absl::OkStatus();
}

absl::Status CpuExecutor::CheckRows(const Batch& batch) const {
  std::vector<bool> closed(slots_.size(), false);
  for (size_t i = 0; i < batch.rows.size(); ++i) {
    const BatchRow& row = batch.rows[i];
    const Slot& slot = slots_[row.slot];
    if (i > 0 && batch.rows[i - 1].slot == row.slot && batch.rows[i - 1].position >= row.position) {
      return absl::InvalidArgumentError(
          absl::StrCat("row ", i, ": positions of slot ", row.slot, " do not ascend"));
    }
    if (i > 0 && batch.rows[i - 1].slot != row.slot) closed[batch.rows[i - 1].slot] = true;
    if (closed[row.slot]) {
      return absl::InvalidArgumentError(
          absl::StrCat("row ", i, ": rows of slot ", row.slot, " are not consecutive"));
    }
    if (row.token == kFromDevice && slot.history[row.position] < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("row ", i, ": no token is known at position ", row.position, " of slot ", row.slot));
    }
    for (int index = 0; index <= row.position / kBlockTokens; ++index) {
      if (slot.block_table[index] >= 0) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("row ", i, ": slot ", row.slot, " has no block at index ", index));
    }
  }
  return absl::OkStatus();
}

absl::Status CpuExecutor::CheckSamples(const Batch& batch) const {
  for (const BatchSample& sample : batch.samples) {
    HEKLA_RETURN_IF_ERROR(CheckRange("row of a sample", sample.row, 0, int64_t(batch.rows.size()) - 1));
    HEKLA_RETURN_IF_ERROR(
        CheckRange("token of a sample", sample.token, schedule::kDrawn, plan_.config.vocabulary - 1));
    if (batch.rows[sample.row].slot != sample.slot) {
      return absl::InvalidArgumentError(absl::StrCat("sample of slot ", sample.slot, " names row ",
                                                     sample.row, ", which is of slot ",
                                                     batch.rows[sample.row].slot));
    }
  }
  return absl::OkStatus();
}

schedule::SampleResult CpuExecutor::Sample(const BatchRow& row, schedule::TokenId known,
                                           absl::Span<const float> logits) {
  Slot& slot = slots_[row.slot];
  if (known != schedule::kDrawn) return ScoreToken(logits, known, slot.assignment.sampling.prompt_logprobs);
  const int position = row.position + 1;
  absl::Span<const schedule::TokenId> suppressed;
  if (position < slot.assignment.suppress_until) suppressed = slot.assignment.suppressed_tokens;
  const schedule::SampleResult result = SampleToken(logits, absl::MakeConstSpan(slot.history).first(position),
                                                    slot.assignment.sampling, suppressed, position);
  slot.history[position] = result.token;
  return result;
}

absl::Status CpuExecutor::Run(const Batch& batch, schedule::BatchResult* result) {
  HEKLA_RETURN_IF_ERROR(CheckLimits(batch));
  HEKLA_RETURN_IF_ERROR(ApplyAssignments(batch));
  HEKLA_RETURN_IF_ERROR(CheckRows(batch));
  HEKLA_RETURN_IF_ERROR(CheckSamples(batch));
  std::vector<ForwardRow> rows;
  for (const BatchRow& row : batch.rows) {
    Slot& slot = slots_[row.slot];
    if (row.token != kFromDevice) slot.history[row.position] = row.token;
    rows.push_back({slot.history[row.position], row.position, slot.block_table});
  }
  std::vector<int> head_rows;
  for (const BatchSample& sample : batch.samples) head_rows.push_back(sample.row);
  std::vector<float> logits = forward_.Run(rows, head_rows);

  *result = schedule::BatchResult();
  result->step = batch.step;
  const size_t vocabulary = plan_.config.vocabulary;
  for (size_t i = 0; i < batch.samples.size(); ++i) {
    const absl::Span<const float> own = absl::MakeConstSpan(logits).subspan(i * vocabulary, vocabulary);
    const BatchSample& sample = batch.samples[i];
    result->samples.push_back(Sample(batch.rows[sample.row], sample.token, own));
  }
  if (batch.return_logits) result->logits = std::move(logits);
  CountBytes(batch);
  return absl::OkStatus();
}

void CpuExecutor::CountBytes(const Batch& batch) {
  for (const model::Op& op : plan_.ops) {
    if (const auto* embed = std::get_if<model::EmbedOp>(&op)) {
      bytes_read_ += embed->table.row_bytes() * batch.rows.size();
    } else if (const auto* qkv = std::get_if<model::QkvOp>(&op)) {
      bytes_read_ += qkv->q.bytes() + qkv->k.bytes() + qkv->v.bytes();
    } else if (const auto* output = std::get_if<model::AttentionOutputOp>(&op)) {
      bytes_read_ += output->weight.bytes();
    } else if (const auto* gate_up = std::get_if<model::GateUpOp>(&op)) {
      bytes_read_ += gate_up->gate.bytes() + gate_up->up.bytes();
    } else if (const auto* down = std::get_if<model::DownOp>(&op)) {
      bytes_read_ += down->weight.bytes();
    } else if (const auto* head = std::get_if<model::HeadOp>(&op);
               head != nullptr && !batch.samples.empty()) {
      bytes_read_ += head->weight.bytes();
    }
  }
  for (const BatchRow& row : batch.rows) bytes_read_ += cache_.bytes_per_token() * (row.position + 1);
}

uint64_t CpuExecutor::memory_bytes() const { return cache_.bytes() + rope_.size() * sizeof(float); }

}  // namespace hekla::cpu
