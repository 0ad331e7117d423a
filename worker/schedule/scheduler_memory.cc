// The scheduler's memory: who gets blocks, shares them, and loses them to others.
#include <algorithm>

#include "worker/base/check.h"
#include "worker/schedule/scheduler.h"
#include "worker/schedule/sequence.h"

namespace hekla::schedule {

// Blocks of the prompt that another sequence of the candidate's group has filled in steps before this one.
// The last token is computed always: its logits draw the next. So are the tokens in the window of the
// penalties, which devices look up in a history that computing fills, and those whose rows give log
// probabilities.
Scheduler::Sharing Scheduler::SharingOf(const Sequence& candidate) const {
  Sharing sharing;
  if (candidate.request.group == 0) return sharing;
  const int tokens = static_cast<int>(candidate.tokens.size());
  int useful = std::min(candidate.prompt_tokens, tokens - 1);
  const SamplingParams& sampling = candidate.request.sampling;
  if (sampling.has_penalties()) useful = std::min(useful, tokens - sampling.penalty_last_n);
  if (candidate.scores()) useful = std::min(useful, candidate.scored);
  const int wanted = std::max(0, useful) / kBlockTokens;
  if (wanted == 0) return sharing;
  const auto look_at = [&](const Sequence* other) {
    const bool one_of_them = other != &candidate && other->request.group == candidate.request.group;
    if (!one_of_them || other->state != SequenceState::kRunning) return;
    const bool in_this_step = other->chunk_step == last_step_ + 1;
    const int there = (in_this_step ? other->chunk_first : other->planned) / kBlockTokens;
    if (!other->parked && there < wanted) sharing.soon = true;
    if (std::min(there, wanted) <= sharing.blocks) return;
    sharing.blocks = std::min(there, wanted);
    sharing.from = other;
  };
  for (const Sequence* other : running_) look_at(other);
  for (const Sequence* other : parked_) look_at(other);
  if (sharing.blocks == wanted) sharing.soon = false;
  return sharing;
}

// A sequence that is being admitted takes what it can share: those positions count as planned.
void Scheduler::ShareBlocks(Sequence* sequence, Batch* batch) {
  const Sharing sharing = SharingOf(*sequence);
  for (int i = 0; i < sharing.blocks; ++i) {
    const int block = sharing.from->blocks[i];
    pool_.Share(block);
    sequence->blocks.push_back(block);
    batch->blocks.push_back({sequence->slot, i, block, /*shared=*/true});
  }
  sequence->planned = sharing.blocks * kBlockTokens;
  uncomputed_prompt_tokens_ -= sequence->planned;
}

// The parked sequence that is preempted first, the last in the order of service; null if none holds memory.
Scheduler::Sequence* Scheduler::ParkedVictim() const {
  for (auto i = parked_.rbegin(); i != parked_.rend(); ++i) {
    if ((*i)->state == SequenceState::kRunning) return *i;
  }
  return nullptr;
}

int Scheduler::HoldingParked() const {
  return static_cast<int>(std::count_if(parked_.begin(), parked_.end(), [](const Sequence* sequence) {
    return sequence->state == SequenceState::kRunning;
  }));
}

// True: there is a slot and, beside what running prompts still need, blocks for the candidate's tokens and
// one more. If not, makes room at the cost of parked sequences and lower priorities where that helps.
bool Scheduler::MakeAdmissible(const Sequence& candidate) {
  const int tokens = static_cast<int>(candidate.tokens.size());
  while (true) {
    const int need = BlocksFor(std::min(tokens + 1, candidate.rows_end())) - SharingOf(candidate).blocks;
    int promised = 0, promised_lower = 0, held_lower = 0, held_parked = 0;
    for (const Sequence* sequence : running_) {
      const int held = static_cast<int>(sequence->blocks.size());
      const int missing = std::max(0, BlocksFor(sequence->prefill_end) - held);
      promised += missing;
      if (sequence->request.priority >= candidate.request.priority) continue;
      promised_lower += missing;
      held_lower += held;
    }
    for (const Sequence* sequence : parked_) held_parked += static_cast<int>(sequence->blocks.size());
    const int slots_held = static_cast<int>(running_.size() + leaving_.size()) + HoldingParked();
    const bool slot = !free_slots_.empty() && slots_held < max_running_;
    if (slot && pool_.free_count() - promised >= need) return true;
    if (!leaving_.empty()) return false;  // memory comes back by itself
    Sequence* victim = ParkedVictim();
    if (victim == nullptr && !running_.empty()) victim = running_.back();
    if (victim == nullptr) return false;
    if (!victim->parked && victim->request.priority >= candidate.request.priority) return false;
    const int within_reach = pool_.free_count() + held_parked + held_lower;
    if (within_reach - (promised - promised_lower) < need) return false;
    Preempt(victim);
  }
}

// Gives the sequence blocks for positions [0, end), preempting others if need be. Returns how many positions
// it has blocks for, at most `end`.
int Scheduler::HoldBlocks(Sequence* sequence, int end, Batch* batch) {
  while (static_cast<int>(sequence->blocks.size()) < BlocksFor(end)) {
    if (!PreemptForBlock(*sequence)) break;
    const int block = pool_.Take();
    batch->blocks.push_back(
        {sequence->slot, static_cast<int>(sequence->blocks.size()), block, /*shared=*/false});
    sequence->blocks.push_back(block);
  }
  return std::min(end, static_cast<int>(sequence->blocks.size()) * kBlockTokens);
}

// True: a block is free now. False: the requester waits, because blocks come back by themselves or because it
// is the last in the order of service: it keeps what it has until someone before it needs that.
bool Scheduler::PreemptForBlock(const Sequence& requester) {
  while (pool_.free_count() == 0) {
    if (!leaving_.empty()) return false;
    Sequence* victim = ParkedVictim();
    if (victim == nullptr) {
      HEKLA_CHECK(running_.size() > 1, "a sequence alone does not fit, admission let it in");
      victim = running_.back();
      if (victim == &requester) return false;
    }
    Preempt(victim);
  }
  return true;
}

// The victim is parked, or the last of running_.
void Scheduler::Preempt(Sequence* victim) {
  if (victim->parked) {
    EraseFrom(&parked_, victim);
  } else {
    HEKLA_CHECK(running_.back() == victim, "only the last in the order of service is preempted");
    running_.pop_back();
    uncomputed_prompt_tokens_ -= victim->uncomputed_prompt_tokens();
  }
  ++preemptions_total_;
  victim->state = SequenceState::kPreempting;
  if (victim->in_flight == 0) {
    Release(victim);
  } else {
    leaving_.push_back(victim);
  }
}

// Back into the queue at its old place, or to the parked; prompt and output are its prompt now.
void Scheduler::Requeue(Sequence* sequence) {
  sequence->state = SequenceState::kWaiting;
  sequence->prefill_end = static_cast<int>(sequence->tokens.size());
  sequence->planned = 0;
  if (sequence->parked) return InsertInOrder(sequence, &parked_);
  uncomputed_prompt_tokens_ += sequence->prefill_end;
  InsertInOrder(sequence, &waiting_[sequence->request.priority]);
}

// No planned step refers to the sequence: gives back slot and blocks, then requeues or forgets it.
void Scheduler::Release(Sequence* sequence) {
  for (int block : sequence->blocks) pool_.Give(block);
  sequence->blocks.clear();
  if (sequence->slot >= 0) free_slots_.push_back(sequence->slot);
  sequence->slot = -1;
  const auto leaving = std::find(leaving_.begin(), leaving_.end(), sequence);
  if (leaving != leaving_.end()) leaving_.erase(leaving);
  if (sequence->state == SequenceState::kPreempting) {
    Requeue(sequence);
  } else {
    sequences_.erase(sequence->request.id);
  }
}

}  // namespace hekla::schedule
