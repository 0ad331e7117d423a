#include "worker/engine/stage_buffers.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"

namespace hekla::engine {
namespace {

uint64_t Padded(uint64_t columns) { return (columns + kernels::kUnit - 1) / kernels::kUnit * kernels::kUnit; }

}  // namespace

absl::StatusOr<std::unique_ptr<StageBuffers>> StageBuffers::Create(const vulkan::Device* device, const model::Plan& plan,
                                                                   const Limits& limits) {
  auto buffers = std::unique_ptr<StageBuffers>(new StageBuffers(device));
  HEKLA_RETURN_IF_ERROR(buffers->Allocate(plan, limits));
  return buffers;
}

absl::Status StageBuffers::OnDevice(const char* what, uint64_t bytes, vulkan::BufferRange* out) {
  const uint64_t limit = device_->limits().max_storage_range;
  if (bytes > limit) {
    return absl::ResourceExhaustedError(
        absl::StrCat(what, " needs ", bytes, " bytes in one binding, ", device_->name(), " allows ", limit));
  }
  absl::StatusOr<vulkan::BufferRange> range = device_arena_.Allocate(bytes);
  if (!range.ok()) return WithContext(range.status(), what);
  *out = *range;
  device_ranges_.push_back(*range);
  return absl::OkStatus();
}

absl::Status StageBuffers::Allocate(const model::Plan& plan, const Limits& limits) {
  const StepInputLayout words(limits);
  // Rows are padded to whole column groups: a matvec may read, but never uses, those past the last.
  const uint64_t rows = (limits.max_rows + 7) / 8 * 8, samples = limits.max_samples, embedding = plan.config.embedding;
  uint64_t attention_width = 0, hidden_width = 0, raw_width = 0, heads = 0;
  for (int l = 0; l < plan.config.layers; ++l) {
    const uint64_t layer_heads = plan.config.heads[l], kv_heads = plan.config.kv_heads[l], d = plan.config.head_dim;
    heads = std::max(heads, layer_heads);
    attention_width = std::max(attention_width, layer_heads * d);
    hidden_width = std::max<uint64_t>(hidden_width, plan.config.feed_forward[l]);
    raw_width = std::max({raw_width, (layer_heads + 2 * kv_heads) * d, hidden_width});
    KvLayer layer;
    const uint64_t bytes = uint64_t(limits.kv_blocks) * kernels::kBlock * kv_heads * d * 2;
    HEKLA_RETURN_IF_ERROR(OnDevice("the KV cache of a layer", bytes, &layer.keys));
    HEKLA_RETURN_IF_ERROR(OnDevice("the KV cache of a layer", bytes, &layer.values));
    kv.push_back(layer);
  }
  partial_stride = static_cast<uint32_t>((embedding + 7) / 8);
  max_splits = (limits.max_context + kernels::kSplit - 1) / kernels::kSplit;
  const uint64_t vocabulary = limits.vocabulary;
  HEKLA_RETURN_IF_ERROR(OnDevice("step state", 16 + 16 * (rows + samples + 8), &step_state));
  HEKLA_RETURN_IF_ERROR(OnDevice("slot state", 4ull * limits.max_sequences * words.slot_stride, &slot_state));
  HEKLA_RETURN_IF_ERROR(OnDevice("token history", 4ull * limits.max_sequences * words.history_stride, &history));
  HEKLA_RETURN_IF_ERROR(OnDevice("step counter", 4, &counter));
  HEKLA_RETURN_IF_ERROR(OnDevice("residual stream", 4 * rows * Padded(embedding), &residual));
  HEKLA_RETURN_IF_ERROR(OnDevice("normed activations", 4 * rows * Padded(embedding), &normed));
  HEKLA_RETURN_IF_ERROR(OnDevice("queries", 4 * rows * attention_width, &queries));
  HEKLA_RETURN_IF_ERROR(OnDevice("attention output", 4 * rows * Padded(attention_width), &attended));
  HEKLA_RETURN_IF_ERROR(OnDevice("hidden activations", 4 * rows * Padded(hidden_width), &hidden));
  HEKLA_RETURN_IF_ERROR(OnDevice("unfused rows", 4 * rows * raw_width, &raw));
  HEKLA_RETURN_IF_ERROR(OnDevice("norm sums", 4 * rows * partial_stride, &partials));
  HEKLA_RETURN_IF_ERROR(OnDevice("logits", 4 * samples * vocabulary, &logits));
  HEKLA_RETURN_IF_ERROR(OnDevice("token counts", 4 * samples * vocabulary, &counts));
  const uint64_t split_rows = std::min<uint64_t>(rows, kMaxSplitRows);
  HEKLA_RETURN_IF_ERROR(OnDevice("attention splits", 4 * split_rows * heads * max_splits * (plan.config.head_dim + 2), &split_results));
  HEKLA_RETURN_IF_ERROR(OnDevice("attention arrivals", 4 * rows * heads, &arrivals));
  HEKLA_RETURN_IF_ERROR(OnDevice("unused bindings", 256, &nothing));
  HEKLA_ASSIGN_OR_RETURN(input, upload_arena_.Allocate(4ull * kernels::kRing * words.entry_words));
  HEKLA_ASSIGN_OR_RETURN(results, readback_arena_.Allocate(4ull * kernels::kRing * samples * kernels::kResultWords));
  HEKLA_ASSIGN_OR_RETURN(logits_copy, readback_arena_.Allocate(4 * samples * vocabulary));
  std::memset(input.mapped, 0, input.bytes);
  return absl::OkStatus();
}

}  // namespace hekla::engine
