// Scheduler::CheckInvariants: what must hold between any two calls.
#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"
#include "worker/schedule/scheduler.h"
#include "worker/schedule/sequence.h"

namespace hekla::schedule {
namespace {

template <typename... Args>
absl::Status Broken(const Args&... args) {
  return absl::InternalError(absl::StrCat(args...));
}

}  // namespace

// Blocks are held by as many as the pool says, slots by one, and only by running or leaving sequences. A
// block that several hold is at the same place in each, and they are of one group.
absl::Status Scheduler::CheckMemory() const {
  std::vector<const Sequence*> block_holder(pool_.capacity(), nullptr);
  std::vector<int> holders(pool_.capacity(), 0);
  std::vector<uint64_t> slot_holder(options_.max_sequences, 0);
  int held = 0, slots = 0;
  for (const auto& [id, sequence] : sequences_) {
    for (size_t i = 0; i < sequence->blocks.size(); ++i) {
      const int block = sequence->blocks[i];
      const Sequence* other = block_holder[block];
      if (other != nullptr && (other->request.group == 0 || other->request.group != sequence->request.group ||
                               i >= other->blocks.size() || other->blocks[i] != block)) {
        return Broken("block ", block, " held by ", other->request.id, " and ", id);
      }
      held += holders[block]++ == 0;
      block_holder[block] = sequence.get();
    }
    const bool memory = sequence->state != SequenceState::kWaiting;
    if (memory != (sequence->slot >= 0)) return Broken("sequence ", id, " has slot ", sequence->slot);
    if (!memory && !sequence->blocks.empty()) return Broken("waiting sequence ", id, " holds blocks");
    if (!memory) continue;
    if (slot_holder[sequence->slot] != 0) {
      return Broken("slot ", sequence->slot, " held by ", slot_holder[sequence->slot], " and ", id);
    }
    slot_holder[sequence->slot] = id;
    ++slots;
    if (sequence->planned > static_cast<int>(sequence->blocks.size()) * kBlockTokens) {
      return Broken("sequence ", id, " has ", sequence->planned, " rows and ", sequence->blocks.size(),
                    " blocks");
    }
  }
  for (int block = 0; block < pool_.capacity(); ++block) {
    if (holders[block] == pool_.holders(block)) continue;
    return Broken("block ", block, " has ", holders[block], " holders, the pool counts ",
                  pool_.holders(block));
  }
  if (held != pool_.held_count())
    return Broken(pool_.held_count(), " blocks are held, sequences know of ", held);
  if (slots + static_cast<int>(free_slots_.size()) != options_.max_sequences) {
    return Broken(slots, " slots held and ", free_slots_.size(), " free of ", options_.max_sequences);
  }
  return absl::OkStatus();
}

// Every sequence is in exactly one list, in order, and the counters agree with the lists.
absl::Status Scheduler::CheckLists() const {
  const auto before = [](const Sequence* a, const Sequence* b) { return a->Before(*b); };
  size_t listed = running_.size() + leaving_.size() + parked_.size();
  int unstarted = 0;
  int64_t uncomputed = 0;
  if (!std::is_sorted(running_.begin(), running_.end(), before)) return Broken("running is out of order");
  if (!std::is_sorted(parked_.begin(), parked_.end(), before)) return Broken("parked is out of order");
  const size_t holding = running_.size() + leaving_.size() + HoldingParked();
  if (static_cast<int>(holding) > max_running_)
    return Broken(holding, " sequences run, leave or hold a slot");
  for (const Sequence* sequence : running_) {
    if (sequence->state != SequenceState::kRunning || sequence->parked)
      return Broken(sequence->request.id, " is not running");
    if (sequence->planned > sequence->rows_end())
      return Broken(sequence->request.id, " is planned beyond its end");
    uncomputed += sequence->uncomputed_prompt_tokens();
  }
  for (const Sequence* sequence : parked_) {
    const bool held = sequence->state == SequenceState::kRunning,
               waits = sequence->state == SequenceState::kWaiting;
    if (!sequence->parked || (!held && !waits)) return Broken(sequence->request.id, " is not parked");
    unstarted += !sequence->started;
  }
  for (const Sequence* sequence : leaving_) {
    const bool leaving =
        sequence->state == SequenceState::kPreempting || sequence->state == SequenceState::kEnded;
    if (!leaving || sequence->in_flight == 0) return Broken(sequence->request.id, " should not be leaving");
  }
  for (const auto& queue : waiting_) {
    listed += queue.size();
    if (!std::is_sorted(queue.begin(), queue.end(), before)) return Broken("waiting is out of order");
    for (const Sequence* sequence : queue) {
      if (sequence->state != SequenceState::kWaiting || sequence->parked)
        return Broken(sequence->request.id, " is not waiting");
      uncomputed += sequence->prefill_end;
      unstarted += !sequence->started;
    }
  }
  if (listed != sequences_.size()) return Broken(sequences_.size(), " sequences, ", listed, " in lists");
  if (unstarted != unstarted_) return Broken("unstarted is ", unstarted_, ", counted ", unstarted);
  if (uncomputed != uncomputed_prompt_tokens_) {
    return Broken("uncomputed prompt tokens are ", uncomputed_prompt_tokens_, ", counted ", uncomputed);
  }
  return absl::OkStatus();
}

absl::Status Scheduler::CheckInvariants() const {
  HEKLA_RETURN_IF_ERROR(CheckMemory());
  HEKLA_RETURN_IF_ERROR(CheckLists());
  absl::flat_hash_map<const Sequence*, int> references;
  for (int i = 0; i < in_flight_count_; ++i) {
    const PlannedStep& planned = planned_[(oldest_ + i) % planned_.size()];
    if (planned.step != last_step_ - in_flight_count_ + 1 + i)
      return Broken("step ", planned.step, " is out of order");
    for (const Sequence* sequence : planned.sequences) ++references[sequence];
  }
  for (const auto& [id, sequence] : sequences_) {
    const auto found = references.find(sequence.get());
    const int counted = found == references.end() ? 0 : found->second;
    if (counted != sequence->in_flight)
      return Broken(id, " has in_flight ", sequence->in_flight, ", counted ", counted);
    references.erase(sequence.get());
  }
  if (!references.empty()) return Broken(references.size(), " forgotten sequences are in flight");
  return absl::OkStatus();
}

}  // namespace hekla::schedule
