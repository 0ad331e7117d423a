#include "tests/support/schedule/step_model.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "worker/base/check.h"
#include "worker/base/status_macros.h"

namespace hekla::test {
namespace {

using schedule::Batch;
using schedule::FinishReason;
using schedule::kBlockTokens;
using schedule::TokenId;

template <typename... Args>
absl::Status Broken(const Args&... args) {
  return absl::FailedPreconditionError(absl::StrCat(args...));
}

uint64_t Mix(uint64_t x) {  // the finaliser of splitmix64
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

bool Contains(const std::vector<TokenId>& ids, TokenId id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

TokenId NextToken(const std::vector<TokenId>& tokens, const schedule::SlotAssignment& slot, int vocabulary) {
  uint64_t hash = slot.sampling.seed + 1 + Mix(slot.sampling.sample_index);
  for (TokenId token : tokens) hash = Mix(hash * 31 + static_cast<uint64_t>(token) + 7);
  const bool suppress = static_cast<int>(tokens.size()) < slot.suppress_until;
  TokenId token;
  do {
    hash = Mix(hash + 0x9e3779b97f4a7c15);
    token = static_cast<TokenId>(hash % static_cast<uint64_t>(vocabulary));
  } while (suppress && Contains(slot.suppressed_tokens, token));
  return token;
}

float PromptLogprob(const std::vector<TokenId>& tokens) {
  uint64_t hash = 0;
  for (TokenId token : tokens) hash = Mix(hash * 31 + static_cast<uint64_t>(token) + 7);
  return -static_cast<float>(hash % 4096) / 64;
}

ExpectedOutput OutputAlone(const schedule::Request& request, const schedule::SchedulerOptions& options) {
  schedule::SlotAssignment slot;
  const schedule::StopParams& stop = request.stop;
  const int prompt_tokens = static_cast<int>(request.prompt.size()) - request.resumed_tokens;
  slot.sampling = request.sampling;
  if (stop.min_tokens > 0) {
    slot.suppress_until = prompt_tokens + stop.min_tokens;
    slot.suppressed_tokens = stop.stop_token_ids;
    for (TokenId id : options.eos_tokens) {
      if (!stop.ignore_eos) slot.suppressed_tokens.push_back(id);
    }
  }
  ExpectedOutput expected;
  std::vector<TokenId> tokens;
  for (int i = 0; i < prompt_tokens; ++i) {
    tokens.push_back(request.prompt[i]);
    if (i > 0 && request.sampling.prompt_logprobs >= 0)
      expected.prompt_logprobs.push_back(PromptLogprob(tokens));
  }
  tokens = request.prompt;
  while (expected.finish == FinishReason::kNone) {
    const TokenId token = NextToken(tokens, slot, options.vocabulary);
    tokens.push_back(token);
    expected.tokens.push_back(token);
    if (!stop.ignore_eos && Contains(options.eos_tokens, token)) {
      expected.finish = FinishReason::kEos;
    } else if (Contains(stop.stop_token_ids, token)) {
      expected.finish = FinishReason::kStopToken;
    } else if (static_cast<int>(tokens.size()) == options.max_context) {
      expected.finish = FinishReason::kContextLimit;
    } else if (static_cast<int>(tokens.size()) == prompt_tokens + stop.max_tokens) {
      expected.finish = FinishReason::kMaxTokens;
    }
  }
  return expected;
}

StepModel::StepModel(const schedule::SchedulerOptions& options)
    : options_(options),
      slots_(options.max_sequences),
      kv_(static_cast<size_t>(options.kv_blocks) * kBlockTokens, -1),
      holders_(options.kv_blocks),
      filled_(options.kv_blocks, 0) {}

bool StepModel::Refers(uint64_t epoch) const {
  return std::any_of(steps_.begin(), steps_.end(), [epoch](const Step& step) {
    return std::find(step.epochs.begin(), step.epochs.end(), epoch) != step.epochs.end();
  });
}

absl::Status StepModel::ApplySlots(const Batch& batch) {
  for (const schedule::SlotAssignment& assignment : batch.slots) {
    if (assignment.slot < 0 || assignment.slot >= options_.max_sequences)
      return Broken("slot ", assignment.slot);
    Slot& slot = slots_[assignment.slot];
    if (slot.epoch > 0 && Refers(slot.epoch)) {
      return Broken("slot ", assignment.slot, " changes hands while steps in flight use it");
    }
    slot = Slot();
    slot.epoch = ++last_epoch_;
    slot.assignment = assignment;
    slot.history.assign(options_.max_context, -1);
  }
  return absl::OkStatus();
}

StepModel::Slot* StepModel::SlotOf(uint64_t epoch) {
  for (Slot& slot : slots_) {
    if (slot.epoch == epoch) return &slot;
  }
  return nullptr;
}

// Earlier steps have filled the block, and nobody has got it for himself since. The output shows whether with
// the right tokens. Who filled it may have lost its slot in this very step.
absl::Status StepModel::ShareBlock(const schedule::BlockAssignment& assignment, Slot* slot) {
  const int block = assignment.block;
  if (filled_[block] != kBlockTokens)
    return Broken("block ", block, " is shared with ", filled_[block], " tokens");
  if (slot->next_position != assignment.index * kBlockTokens)
    return Broken("slot ", assignment.slot, " shares a block after it has rows of its own");
  holders_[block].push_back(slot->epoch);
  slot->next_position += kBlockTokens;
  return absl::OkStatus();
}

absl::Status StepModel::ApplyBlocks(const Batch& batch) {
  for (const schedule::BlockAssignment& assignment : batch.blocks) {
    if (assignment.block < 0 || assignment.block >= options_.kv_blocks)
      return Broken("block ", assignment.block);
    Slot& slot = slots_[assignment.slot];
    if (slot.epoch == 0 || slot.dead)
      return Broken("a block for slot ", assignment.slot, " without a sequence");
    if (assignment.index != static_cast<int>(slot.blocks.size())) {
      return Broken("slot ", assignment.slot, " has ", slot.blocks.size(), " blocks, entry ",
                    assignment.index, " is set");
    }
    if (assignment.shared) {
      HEKLA_RETURN_IF_ERROR(ShareBlock(assignment, &slot));
    } else {
      for (uint64_t epoch : holders_[assignment.block]) {
        if (epoch == slot.epoch)
          return Broken("block ", assignment.block, " twice in slot ", assignment.slot);
        if (Refers(epoch)) return Broken("block ", assignment.block, " is still used by steps in flight");
        if (Slot* holder = SlotOf(epoch); holder != nullptr)
          holder->dead = true;  // must never have a row again
      }
      holders_[assignment.block] = {slot.epoch};
      filled_[assignment.block] = 0;
    }
    slot.blocks.push_back(assignment.block);
  }
  return absl::OkStatus();
}

absl::Status StepModel::ApplyRows(const Batch& batch, Step* step) {
  int previous = -1;
  for (const schedule::BatchRow& row : batch.rows) {
    if (row.slot < 0 || row.slot >= options_.max_sequences) return Broken("a row of slot ", row.slot);
    Slot& slot = slots_[row.slot];
    if (slot.epoch == 0 || slot.dead) return Broken("a row of slot ", row.slot, ", which has no sequence");
    if (row.slot != previous) {
      if (std::find(step->epochs.begin(), step->epochs.end(), slot.epoch) != step->epochs.end()) {
        return Broken("the rows of slot ", row.slot, " are not consecutive");
      }
      step->epochs.push_back(slot.epoch);
      previous = row.slot;
    }
    if (row.position != slot.next_position || row.position >= options_.max_context) {
      return Broken("slot ", row.slot, " has position ", row.position, ", expected ", slot.next_position);
    }
    const size_t index = row.position / kBlockTokens;
    if (index >= slot.blocks.size())
      return Broken("slot ", row.slot, " position ", row.position, " has no block");
    TokenId& history = slot.history[row.position];
    if (row.token != schedule::kFromDevice) history = row.token;
    if (history < 0 || history >= options_.vocabulary) {
      return Broken("slot ", row.slot, " position ", row.position, ": token ", history);
    }
    const int block = slot.blocks[index];
    if (holders_[block].front() != slot.epoch)
      return Broken("a row of slot ", row.slot, " in block ", block, ", which it only shares");
    filled_[block] = row.position % kBlockTokens + 1;
    kv_[block * kBlockTokens + row.position % kBlockTokens] = history;
    ++slot.next_position;
  }
  return absl::OkStatus();
}

std::vector<TokenId> StepModel::ReadBack(const Slot& slot, int tokens) const {
  std::vector<TokenId> ids(tokens);
  for (int i = 0; i < tokens; ++i)
    ids[i] = kv_[slot.blocks[i / kBlockTokens] * kBlockTokens + i % kBlockTokens];
  return ids;
}

schedule::SampleResult StepModel::Score(const schedule::BatchRow& row, TokenId token,
                                        const Slot& slot) const {
  std::vector<TokenId> tokens = ReadBack(slot, row.position + 1);
  tokens.push_back(token);
  schedule::SampleResult result;
  result.token = token;
  result.logprob = PromptLogprob(tokens);
  for (int i = 0; i < slot.assignment.sampling.prompt_logprobs; ++i)
    result.top.push_back({i, -static_cast<float>(i)});
  return result;
}

absl::Status StepModel::Draw(const Batch& batch, Step* step) {
  int previous_row = -1;
  for (const schedule::BatchSample& sample : batch.samples) {
    if (sample.row <= previous_row || sample.row >= static_cast<int>(batch.rows.size())) {
      return Broken("a sample of row ", sample.row, " of ", batch.rows.size());
    }
    previous_row = sample.row;
    const schedule::BatchRow& row = batch.rows[sample.row];
    Slot& slot = slots_[sample.slot];
    if (row.slot != sample.slot)
      return Broken("a sample of slot ", sample.slot, " from a row of slot ", row.slot);
    if (sample.token != schedule::kDrawn) {
      step->result.samples.push_back(Score(row, sample.token, slot));
      continue;
    }
    if (row.position + 1 != slot.next_position)
      return Broken("a token drawn from a row that is not the slot's last");
    if (row.position + 1 >= options_.max_context) return Broken("a token beyond the context");
    const schedule::SamplingParams& sampling = slot.assignment.sampling;
    for (int i = std::max(0, slot.next_position - sampling.penalty_last_n); i < slot.next_position; ++i) {
      if (sampling.has_penalties() && slot.history[i] < 0)
        return Broken("slot ", sample.slot, " draws with penalties and knows no token at ", i);
    }
    schedule::SampleResult result;
    result.token = NextToken(ReadBack(slot, slot.next_position), slot.assignment, options_.vocabulary);
    result.logprob = -static_cast<float>(result.token);
    for (int i = 0; i < sampling.logprobs; ++i) result.top.push_back({i, -static_cast<float>(i)});
    slot.history[row.position + 1] = result.token;
    step->result.samples.push_back(std::move(result));
  }
  return absl::OkStatus();
}

absl::Status StepModel::Submit(const Batch& batch) {
  if (in_flight() >= options_.max_in_flight) return Broken(in_flight() + 1, " steps in flight");
  if (batch.step != last_step_ + 1) return Broken("step ", batch.step, " follows ", last_step_);
  if (batch.rows.empty() || static_cast<int>(batch.rows.size()) > options_.max_rows) {
    return Broken(batch.rows.size(), " rows, the limit is ", options_.max_rows);
  }
  if (static_cast<int>(batch.samples.size()) > options_.max_samples)
    return Broken(batch.samples.size(), " samples");
  Step step;
  step.result.step = last_step_ = batch.step;
  HEKLA_RETURN_IF_ERROR(ApplySlots(batch));
  HEKLA_RETURN_IF_ERROR(ApplyBlocks(batch));
  HEKLA_RETURN_IF_ERROR(ApplyRows(batch, &step));
  HEKLA_RETURN_IF_ERROR(Draw(batch, &step));
  steps_.push_back(std::move(step));
  return absl::OkStatus();
}

schedule::BatchResult StepModel::Take() {
  HEKLA_CHECK(!steps_.empty(), "no step is in flight");
  schedule::BatchResult result = std::move(steps_.front().result);
  steps_.pop_front();
  return result;
}

}  // namespace hekla::test
