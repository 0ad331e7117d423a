#include "worker/schedule/scheduler.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "worker/base/check.h"
#include "worker/base/status_macros.h"
#include "worker/schedule/sequence.h"

namespace hekla::schedule {
namespace {

SlotAssignment Assignment(int slot, int prompt_tokens, const Request& request,
                          const std::vector<TokenId>& eos_tokens) {
  SlotAssignment assignment;
  assignment.slot = slot;
  assignment.sampling = request.sampling;
  if (request.stop.min_tokens > 0) {
    assignment.suppressed_tokens = request.stop.stop_token_ids;
    if (!request.stop.ignore_eos) {
      assignment.suppressed_tokens.insert(assignment.suppressed_tokens.end(), eos_tokens.begin(),
                                          eos_tokens.end());
    }
    assignment.suppress_until = prompt_tokens + request.stop.min_tokens;
  }
  return assignment;
}

bool Contains(const std::vector<TokenId>& ids, TokenId id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

Scheduler::Scheduler(SchedulerOptions options)
    : options_(std::move(options)),
      max_running_(std::min({options_.max_sequences, options_.max_rows, options_.max_samples})),
      pool_(options_.kv_blocks),
      planned_(options_.max_in_flight) {
  HEKLA_CHECK(CheckOptions(options_).ok(), "scheduler options");
  for (int slot = options_.max_sequences - 1; slot >= 0; --slot) free_slots_.push_back(slot);
  running_.reserve(options_.max_sequences);
  leaving_.reserve(options_.max_sequences);
  parked_.reserve(options_.max_sequences);
  for (PlannedStep& planned : planned_) {
    planned.sequences.reserve(max_running_);
    planned.samples.reserve(options_.max_samples);
  }
}

Scheduler::~Scheduler() = default;

absl::Status Scheduler::Add(Request request) {
  HEKLA_RETURN_IF_ERROR(CheckRequest(request, options_));
  HEKLA_CHECK(!sequences_.contains(request.id), "a request id is used twice");
  if (unstarted_ >= options_.max_waiting) {
    return absl::ResourceExhaustedError(absl::StrCat("the queue is full: ", unstarted_,
                                                     " requests wait, the limit is ", options_.max_waiting));
  }
  auto sequence = std::make_unique<Sequence>();
  sequence->tokens = std::move(request.prompt);
  sequence->prompt_tokens = static_cast<int>(sequence->tokens.size()) - request.resumed_tokens;
  sequence->end = sequence->prompt_tokens + request.stop.max_tokens;
  sequence->prefill_end = static_cast<int>(sequence->tokens.size());
  sequence->tokens.reserve(sequence->end);
  sequence->blocks.reserve(BlocksFor(sequence->rows_end()));
  sequence->arrival = ++last_arrival_;
  sequence->request = std::move(request);
  const Request& kept = sequence->request;
  if (kept.deadline_us != 0 && (next_deadline_us_ == 0 || kept.deadline_us < next_deadline_us_)) {
    next_deadline_us_ = kept.deadline_us;
  }
  ++unstarted_;
  uncomputed_prompt_tokens_ += sequence->prefill_end;
  waiting_[kept.priority].push_back(sequence.get());
  sequences_[kept.id] = std::move(sequence);
  return absl::OkStatus();
}

bool Scheduler::Cancel(uint64_t id, FinishReason reason, std::vector<SequenceEvent>* events) {
  const auto found = sequences_.find(id);
  if (found == sequences_.end() || found->second->state == SequenceState::kEnded) return false;
  Sequence* sequence = found->second.get();
  SequenceEvent event;
  event.id = id;
  event.token_offset = static_cast<int>(sequence->tokens.size()) - sequence->prompt_tokens;
  event.finish = reason;
  events->push_back(event);
  End(sequence);
  return true;
}

bool Scheduler::Park(uint64_t id) {
  const auto found = sequences_.find(id);
  if (found == sequences_.end()) return false;
  Sequence* sequence = found->second.get();
  if (sequence->parked || sequence->state == SequenceState::kEnded) return false;
  sequence->parked = true;
  if (sequence->state == SequenceState::kPreempting)
    return true;  // goes to parked_ when its steps are through
  uncomputed_prompt_tokens_ -= sequence->uncomputed_prompt_tokens();
  if (sequence->state == SequenceState::kRunning) {
    EraseFrom(&running_, sequence);
  } else {
    EraseFrom(&waiting_[sequence->request.priority], sequence);
  }
  InsertInOrder(sequence, &parked_);
  return true;
}

bool Scheduler::Unpark(uint64_t id) {
  const auto found = sequences_.find(id);
  if (found == sequences_.end()) return false;
  Sequence* sequence = found->second.get();
  if (!sequence->parked || sequence->state == SequenceState::kEnded) return false;
  sequence->parked = false;
  if (sequence->state == SequenceState::kPreempting) return true;
  uncomputed_prompt_tokens_ += sequence->uncomputed_prompt_tokens();
  EraseFrom(&parked_, sequence);
  if (sequence->state == SequenceState::kRunning) {
    InsertInOrder(sequence, &running_);
  } else {
    InsertInOrder(sequence, &waiting_[sequence->request.priority]);
  }
  return true;
}

void Scheduler::Expire(int64_t now_us, std::vector<SequenceEvent>* events) {
  if (next_deadline_us_ == 0 || now_us < next_deadline_us_) return;
  next_deadline_us_ = 0;
  expired_.clear();
  for (const auto& [id, sequence] : sequences_) {
    const int64_t deadline_us = sequence->request.deadline_us;
    if (deadline_us == 0 || sequence->state == SequenceState::kEnded) continue;
    if (deadline_us <= now_us) {
      expired_.push_back(id);
    } else if (next_deadline_us_ == 0 || deadline_us < next_deadline_us_) {
      next_deadline_us_ = deadline_us;
    }
  }
  std::sort(expired_.begin(), expired_.end());  // the map has no order of its own
  for (uint64_t id : expired_) Cancel(id, FinishReason::kDeadline, events);
}

bool Scheduler::NextBatch(Batch* batch) {
  batch->Clear();
  started_.clear();
  if (in_flight_count_ == options_.max_in_flight) return false;
  current_ = &planned_[(oldest_ + in_flight_count_) % planned_.size()];
  current_->step = last_step_ + 1;
  current_->sequences.clear();
  current_->samples.clear();
  PlanDecode(batch);
  int chunk_rows = options_.prefill_chunk > 0 ? options_.prefill_chunk : options_.max_rows;
  PlanPrefill(&chunk_rows, batch);
  PlanAdmissions(&chunk_rows, batch);
  if (batch->rows.empty()) return false;
  batch->step = ++last_step_;
  ++in_flight_count_;
  return true;
}

int Scheduler::RowsLeft(const Batch& batch) const {
  return options_.max_rows - static_cast<int>(batch.rows.size());
}

int Scheduler::SamplesLeft(const Batch& batch) const {
  return options_.max_samples - static_cast<int>(batch.samples.size());
}

// How many samples the sequence's chunk may take. Where it wants one a row it leaves one to each prompt
// behind it and one to a newcomer. There is always one: max_running_ sees to it.
int Scheduler::SamplesFor(const Sequence& sequence, const Batch& batch) const {
  const int left = SamplesLeft(batch);
  if (!sequence.scores()) return left;
  int others = static_cast<int>(running_.size()) < max_running_ ? 1 : 0;
  for (const Sequence* other : running_)
    others += sequence.Before(*other) && other->planned < other->prefill_end;
  return std::max(left - others, std::min(left, 1));
}

// A row for every decoding sequence; max_running_ makes room for all of them. PreemptForBlock takes from the
// end of running_, so the index stays valid.
void Scheduler::PlanDecode(Batch* batch) {
  for (size_t i = 0; i < running_.size(); ++i) {
    Sequence* sequence = running_[i];
    const int position = sequence->planned;
    if (position < sequence->prefill_end || position >= sequence->rows_end()) continue;
    if (HoldBlocks(sequence, position + 1, batch) <= position) continue;
    batch->rows.push_back({sequence->slot, position, kFromDevice});
    sequence->planned = position + 1;
    Refer(sequence);
    PlanSample(sequence, position + 1, batch);
  }
}

void Scheduler::PlanPrefill(int* chunk_rows, Batch* batch) {
  for (size_t i = 0; i < running_.size(); ++i) {
    if (running_[i]->planned < running_[i]->prefill_end) PlanChunk(running_[i], chunk_rows, batch);
  }
}

void Scheduler::PlanAdmissions(int* chunk_rows, Batch* batch) {
  while (*chunk_rows > 0 && RowsLeft(*batch) > 0) {
    Sequence* candidate = FirstWaiting();
    if (candidate == nullptr || !MakeAdmissible(*candidate)) return;
    if (SamplesLeft(*batch) == 0) return;  // prompts that are scored have them; the next step keeps one
    Admit(candidate, batch);
    PlanChunk(candidate, chunk_rows, batch);
  }
}

// Where the sequence's next `rows` rows end, or where they want more samples than there are.
int Scheduler::ChunkEnd(const Sequence& sequence, int rows, const Batch& batch) const {
  int samples = SamplesFor(sequence, batch);
  for (int position = sequence.planned; position < sequence.planned + rows; ++position) {
    if (sequence.samples(position) && --samples < 0) return position;
  }
  return sequence.planned + rows;
}

// The next rows of a prompt, as many as budget, samples and blocks allow; the last row of the prompt draws a
// token.
void Scheduler::PlanChunk(Sequence* sequence, int* chunk_rows, Batch* batch) {
  const int first = sequence->planned;
  const int rows = std::min({sequence->prefill_end - first, *chunk_rows, RowsLeft(*batch)});
  if (rows <= 0) return;
  const int end = HoldBlocks(sequence, ChunkEnd(*sequence, rows, *batch), batch);
  if (end <= first) return;
  for (int position = first; position < end; ++position) {
    batch->rows.push_back({sequence->slot, position, sequence->tokens[position]});
    if (sequence->samples(position)) PlanSample(sequence, position + 1, batch);
  }
  sequence->planned = end;
  sequence->scored = std::max(sequence->scored, std::min(end, sequence->scored_end()));
  sequence->chunk_step = current_->step;
  sequence->chunk_first = first;
  *chunk_rows -= end - first;
  uncomputed_prompt_tokens_ -= end - first;
  Refer(sequence);
}

// The last row of the batch, which is the sequence's, gives a sample: of its token at `position`, drawn if
// the host does not feed it.
void Scheduler::PlanSample(Sequence* sequence, int position, Batch* batch) {
  const bool drawn = position >= sequence->prefill_end;
  const TokenId token = drawn ? kDrawn : sequence->tokens[position];
  batch->samples.push_back({static_cast<int>(batch->rows.size()) - 1, sequence->slot, token});
  current_->samples.push_back({sequence, position, drawn});
}

// The step being planned refers to the sequence. Called at most once a step for each: a sequence decodes or
// prefills.
void Scheduler::Refer(Sequence* sequence) {
  ++sequence->in_flight;
  current_->sequences.push_back(sequence);
}

// The first in the order of service but for those that would compute what one of their group is computing.
Scheduler::Sequence* Scheduler::FirstWaiting() const {
  for (int priority = 2; priority >= 0; --priority) {
    for (Sequence* sequence : waiting_[priority]) {
      if (!SharingOf(*sequence).soon) return sequence;
    }
  }
  return nullptr;
}

void Scheduler::Admit(Sequence* sequence, Batch* batch) {
  EraseFrom(&waiting_[sequence->request.priority], sequence);
  sequence->state = SequenceState::kRunning;
  sequence->slot = free_slots_.back();
  free_slots_.pop_back();
  InsertInOrder(sequence, &running_);
  ShareBlocks(sequence, batch);
  batch->slots.push_back(
      Assignment(sequence->slot, sequence->prompt_tokens, sequence->request, options_.eos_tokens));
  if (!sequence->started) {
    sequence->started = true;
    --unstarted_;
    started_.push_back({sequence->request.id, sequence->planned});
    admitted_prompt_tokens_ += sequence->prompt_tokens;
    shared_prompt_tokens_ += sequence->planned;
  }
}

void Scheduler::End(Sequence* sequence) {
  HEKLA_CHECK(sequence->state != SequenceState::kEnded, "a sequence ends twice");
  if (sequence->state != SequenceState::kPreempting) {  // those are in leaving_ already
    if (sequence->parked) {
      EraseFrom(&parked_, sequence);
    } else {
      uncomputed_prompt_tokens_ -= sequence->uncomputed_prompt_tokens();
      if (sequence->state == SequenceState::kRunning) {
        EraseFrom(&running_, sequence);
      } else {
        EraseFrom(&waiting_[sequence->request.priority], sequence);
      }
    }
    if (!sequence->started) --unstarted_;
    if (sequence->in_flight > 0) leaving_.push_back(sequence);
  }
  sequence->state = SequenceState::kEnded;
  if (sequence->in_flight == 0) Release(sequence);
}

// A request whose max_tokens reach to the end of the context ends there for want of context.
FinishReason Scheduler::ReasonAfter(const Sequence& sequence, TokenId token) const {
  const StopParams& stop = sequence.request.stop;
  if (!stop.ignore_eos && Contains(options_.eos_tokens, token)) return FinishReason::kEos;
  if (Contains(stop.stop_token_ids, token)) return FinishReason::kStopToken;
  const int tokens = static_cast<int>(sequence.tokens.size());
  if (tokens == options_.max_context) return FinishReason::kContextLimit;
  if (tokens == sequence.end) return FinishReason::kMaxTokens;
  return FinishReason::kNone;
}

absl::Status Scheduler::CheckResult(const BatchResult& result) const {
  if (in_flight_count_ == 0)
    return absl::InternalError(absl::StrCat("a result of step ", result.step, ", none is planned"));
  const PlannedStep& planned = planned_[oldest_];
  if (result.step != planned.step || result.samples.size() != planned.samples.size()) {
    return absl::InternalError(absl::StrCat("step ", result.step, " returned ", result.samples.size(),
                                            " tokens, expected were ", planned.samples.size(), " of step ",
                                            planned.step));
  }
  for (const SampleResult& sample : result.samples) {
    if (sample.token < 0 || sample.token >= options_.vocabulary) {
      return absl::InternalError(absl::StrCat("step ", result.step, " drew token ", sample.token,
                                              ", the vocabulary has ", options_.vocabulary, " tokens"));
    }
  }
  return absl::OkStatus();
}

// The sequence's next token has come, as sample `sample` of its step.
void Scheduler::TakeToken(Sequence* sequence, TokenId token, int sample, std::vector<SequenceEvent>* events) {
  SequenceEvent event;
  event.id = sequence->request.id;
  event.token_offset = static_cast<int>(sequence->tokens.size()) - sequence->prompt_tokens;
  event.token = token;
  event.sample = sample;
  sequence->tokens.push_back(token);
  event.finish = ReasonAfter(*sequence, token);
  events->push_back(event);
  if (event.finish != FinishReason::kNone) End(sequence);
}

absl::Status Scheduler::Finish(const BatchResult& result, std::vector<SequenceEvent>* events) {
  HEKLA_RETURN_IF_ERROR(CheckResult(result));
  const PlannedStep& planned = planned_[oldest_];
  for (int i = 0; i < static_cast<int>(planned.samples.size()); ++i) {
    const auto [sequence, position, drawn] = planned.samples[i];
    if (sequence->state == SequenceState::kEnded) continue;
    if (drawn) {
      HEKLA_CHECK(position == static_cast<int>(sequence->tokens.size()), "a token is lost or doubled");
      TakeToken(sequence, result.samples[i].token, i, events);
    } else if (i > 0 && planned.samples[i - 1].sequence == sequence) {
      ++events->back().prompt_logprobs;
    } else {
      SequenceEvent& event = events->emplace_back();
      event.id = sequence->request.id;
      event.token_offset = static_cast<int>(sequence->tokens.size()) - sequence->prompt_tokens;
      event.sample = i;
      event.prompt_logprobs = 1;
    }
  }
  for (Sequence* sequence : planned.sequences) {
    const bool leaving =
        sequence->state == SequenceState::kEnded || sequence->state == SequenceState::kPreempting;
    if (--sequence->in_flight == 0 && leaving) Release(sequence);
  }
  oldest_ = (oldest_ + 1) % static_cast<int>(planned_.size());
  --in_flight_count_;
  return absl::OkStatus();
}

SchedulerCounts Scheduler::counts() const {
  SchedulerCounts counts;
  counts.running = static_cast<int>(running_.size());
  counts.parked = static_cast<int>(parked_.size());
  for (const auto& queue : waiting_) counts.waiting += static_cast<int>(queue.size());
  for (const Sequence* sequence : leaving_) {
    if (sequence->state != SequenceState::kPreempting) continue;
    sequence->parked ? ++counts.parked : ++counts.waiting;
  }
  counts.blocks_held = pool_.held_count();
  counts.uncomputed_prompt_tokens = uncomputed_prompt_tokens_;
  counts.preemptions_total = preemptions_total_;
  counts.prompt_tokens_total = admitted_prompt_tokens_;
  counts.shared_tokens_total = shared_prompt_tokens_;
  return counts;
}

}  // namespace hekla::schedule
