#include "worker/engine/step_input.h"

#include <bit>

#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"

namespace hekla::engine {
namespace {

absl::Status OutOfRange(const char* field, int64_t value, int64_t limit) {
  return absl::InvalidArgumentError(absl::StrCat("batch: ", field, " ", value, " is not in [0, ", limit, ")"));
}

class PokeWriter {
 public:
  PokeWriter(uint32_t* entry, const StepInputLayout& layout) : entry_(entry), layout_(layout) {}
  void Poke(uint32_t word, uint32_t value) {
    if (count_ < layout_.max_pokes) {
      entry_[layout_.pokes_offset + 2 * count_] = word;
      entry_[layout_.pokes_offset + 2 * count_ + 1] = value;
    }
    ++count_;
  }
  void Poke(uint32_t word, float value) { Poke(word, std::bit_cast<uint32_t>(value)); }
  uint32_t count() const { return count_; }

 private:
  uint32_t* entry_;
  const StepInputLayout& layout_;
  uint32_t count_ = 0;
};

absl::Status PackSlot(const schedule::SlotAssignment& slot, const Limits& limits, const StepInputLayout& layout, PokeWriter& out) {
  using namespace kernels;
  const schedule::SamplingParams& s = slot.sampling;
  if (slot.slot < 0 || slot.slot >= limits.max_sequences) return OutOfRange("slot", slot.slot, limits.max_sequences);
  if (s.logit_bias.size() > kMaxBias) return OutOfRange("logit_bias entries", static_cast<int64_t>(s.logit_bias.size()), kMaxBias + 1);
  if (slot.suppressed_tokens.size() > kMaxSuppress) {
    return OutOfRange("suppressed tokens", static_cast<int64_t>(slot.suppressed_tokens.size()), kMaxSuppress + 1);
  }
  const uint32_t base = slot.slot * layout.slot_stride;
  out.Poke(base + kSlotTemperature, s.temperature);
  out.Poke(base + kSlotTopK, static_cast<uint32_t>(s.top_k));
  out.Poke(base + kSlotTopP, s.top_p);
  out.Poke(base + kSlotMinP, s.min_p);
  out.Poke(base + kSlotRepetition, s.repetition_penalty);
  out.Poke(base + kSlotPresence, s.presence_penalty);
  out.Poke(base + kSlotFrequency, s.frequency_penalty);
  out.Poke(base + kSlotLastN, static_cast<uint32_t>(s.penalty_last_n));
  out.Poke(base + kSlotSeedLow, static_cast<uint32_t>(s.seed));
  out.Poke(base + kSlotSeedHigh, static_cast<uint32_t>(s.seed >> 32));
  out.Poke(base + kSlotSampleIndex, s.sample_index);
  out.Poke(base + kSlotLogprobs, static_cast<uint32_t>(s.logprobs + 1));
  out.Poke(base + kSlotPromptLogprobs, static_cast<uint32_t>(s.prompt_logprobs + 1));
  out.Poke(base + kSlotBiasCount, static_cast<uint32_t>(s.logit_bias.size()));
  for (size_t i = 0; i < s.logit_bias.size(); ++i) {
    const auto [token, value] = s.logit_bias[i];
    if (token < 0 || token >= limits.vocabulary) return OutOfRange("logit_bias token", token, limits.vocabulary);
    out.Poke(base + layout.bias_offset + 2 * i, static_cast<uint32_t>(token));
    out.Poke(base + layout.bias_offset + 2 * i + 1, value);
  }
  out.Poke(base + kSlotSuppressUntil, static_cast<uint32_t>(slot.suppress_until));
  out.Poke(base + kSlotSuppressCount, static_cast<uint32_t>(slot.suppressed_tokens.size()));
  for (size_t i = 0; i < slot.suppressed_tokens.size(); ++i) {
    const schedule::TokenId token = slot.suppressed_tokens[i];
    if (token < 0 || token >= limits.vocabulary) return OutOfRange("suppressed token", token, limits.vocabulary);
    out.Poke(base + kSlotSuppress + i, static_cast<uint32_t>(token));
  }
  return absl::OkStatus();
}

absl::Status PackRows(const schedule::Batch& batch, const Limits& limits, const StepInputLayout& layout, uint32_t* entry) {
  if (batch.rows.size() > static_cast<size_t>(limits.max_rows))
    return OutOfRange("rows", static_cast<int64_t>(batch.rows.size()), limits.max_rows + 1);
  if (batch.samples.size() > static_cast<size_t>(limits.max_samples)) {
    return OutOfRange("samples", static_cast<int64_t>(batch.samples.size()), limits.max_samples + 1);
  }
  uint32_t* out = entry + kernels::kInputHeader;
  for (const schedule::BatchRow& row : batch.rows) {
    if (row.slot < 0 || row.slot >= limits.max_sequences) return OutOfRange("row slot", row.slot, limits.max_sequences);
    if (row.position < 0 || row.position >= limits.max_context) return OutOfRange("row position", row.position, limits.max_context);
    if (row.token != schedule::kFromDevice && (row.token < 0 || row.token >= limits.vocabulary)) {
      return OutOfRange("row token", row.token, limits.vocabulary);
    }
    *out++ = static_cast<uint32_t>(row.slot);
    *out++ = static_cast<uint32_t>(row.position);
    *out++ = row.token == schedule::kFromDevice ? kernels::kFromHistory : static_cast<uint32_t>(row.token);
  }
  out = entry + layout.samples_offset;
  for (const schedule::BatchSample& sample : batch.samples) {
    if (sample.row < 0 || sample.row >= static_cast<int>(batch.rows.size())) {
      return OutOfRange("sample row", sample.row, static_cast<int64_t>(batch.rows.size()));
    }
    if (sample.token != schedule::kDrawn && (sample.token < 0 || sample.token >= limits.vocabulary)) {
      return OutOfRange("sample token", sample.token, limits.vocabulary);
    }
    *out++ = static_cast<uint32_t>(sample.row);
    *out++ = static_cast<uint32_t>(sample.slot);
    *out++ = sample.token == schedule::kDrawn ? kernels::kDrawn : static_cast<uint32_t>(sample.token);
  }
  return absl::OkStatus();
}

}  // namespace

StepInputLayout::StepInputLayout(const Limits& limits) {
  using namespace kernels;
  max_blocks = (limits.max_context + kBlock - 1) / kBlock;
  bias_offset = kSlotParameters + max_blocks;
  slot_stride = bias_offset + 2 * kMaxBias;
  history_stride = limits.max_context + 1;
  samples_offset = kInputHeader + 3 * limits.max_rows;
  pokes_offset = samples_offset + 3 * limits.max_samples;
  max_pokes = limits.max_sequences * slot_stride;
  entry_words = pokes_offset + 2 * max_pokes;
}

absl::Status PackStepInput(const schedule::Batch& batch, const Limits& limits, const StepInputLayout& layout, uint32_t* entry) {
  PokeWriter pokes(entry, layout);
  for (const schedule::SlotAssignment& slot : batch.slots) HEKLA_RETURN_IF_ERROR(PackSlot(slot, limits, layout, pokes));
  for (const schedule::BlockAssignment& block : batch.blocks) {
    if (block.slot < 0 || block.slot >= limits.max_sequences) return OutOfRange("block slot", block.slot, limits.max_sequences);
    if (block.index < 0 || block.index >= static_cast<int>(layout.max_blocks))
      return OutOfRange("block index", block.index, layout.max_blocks);
    if (block.block < 0 || block.block >= limits.kv_blocks) return OutOfRange("block", block.block, limits.kv_blocks);
    pokes.Poke(block.slot * layout.slot_stride + kernels::kSlotParameters + block.index, static_cast<uint32_t>(block.block));
  }
  if (pokes.count() > layout.max_pokes) return OutOfRange("slot changes of one step", pokes.count(), layout.max_pokes + 1);
  HEKLA_RETURN_IF_ERROR(PackRows(batch, limits, layout, entry));
  entry[kernels::kInputRows] = static_cast<uint32_t>(batch.rows.size());
  entry[kernels::kInputSamples] = static_cast<uint32_t>(batch.samples.size());
  entry[kernels::kInputPokes] = pokes.count();
  return absl::OkStatus();
}

}  // namespace hekla::engine
