// Decides what the next step computes: continuous batching with chunked prefill under a token budget.
//
// It plans ahead of results: up to max_in_flight steps are planned before the first of them is finished. A
// decode row's id is kFromDevice, its position is known, so only a sequence that ends by a stop id costs a
// planned step for nothing; what such a step draws is dropped. A sequence's blocks and slot are given back
// when no planned step refers to them any more.
//
// Order of service: priority, then arrival. A step takes a row of every decoding sequence first and fills the
// rest of its budget with prompt chunks, so a long prompt cannot stop the others. When blocks run out, the
// youngest sequence of the lowest priority is preempted: its planned steps finish, its memory is given back,
// and it waits at its old place in the order with prompt and output as its prompt. A waiting request preempts
// only sequences of a lower priority.
//
// A parked sequence gets no rows. It keeps slot and blocks until anyone else needs them: it is preempted
// before any other, whatever its priority, and then waits parked.
//
// A prompt whose log probabilities are asked for gives a sample a row, so its chunks are bounded by the
// samples of a step too. It leaves one to each prompt behind it and one to a newcomer: nobody waits for it to
// draw. A sample that is planned once counts: a preempted sequence is computed again without them.
//
// Requests of one group (samples of one prompt) share the blocks of their prompt: one of them computes it
// while the others wait, who then compute what is left of the last block, and their own tokens. A block is
// free when nobody holds it any more.
//
// No clock, no device, no thread: one caller. Time comes in by Expire.
// Source of the ideas: vLLM's chunked prefill and preemption by recompute, mini-sglang's overlapped loop.
#ifndef HEKLA_WORKER_SCHEDULE_SCHEDULER_H_
#define HEKLA_WORKER_SCHEDULE_SCHEDULER_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "worker/schedule/admission.h"
#include "worker/schedule/batch.h"
#include "worker/schedule/block_pool.h"
#include "worker/schedule/request.h"

namespace hekla::schedule {

// News of one sequence: a new token, its end, or both; or log probabilities of the prompt, all of which come
// before the first token, from that of the prompt's second one on.
struct SequenceEvent {
  uint64_t id = 0;
  int token_offset =
      0;  // of `token` among the output tokens, resumed ones included; without a token, their count
  TokenId token = -1;       // -1: no token
  int sample = -1;          // index of the token in BatchResult::samples
  int prompt_logprobs = 0;  // so many samples, `sample` and those after it, are of the prompt's next tokens
  FinishReason finish = FinishReason::kNone;
};

struct SchedulerCounts {
  int running = 0;  // hold a slot, parked ones and ended ones that planned steps still refer to not included
  int waiting = 0;  // preempted ones included
  int parked = 0;   // in neither of the two
  int blocks_held = 0;
  int64_t uncomputed_prompt_tokens = 0;  // of running and waiting sequences, not of parked ones
  uint64_t preemptions_total = 0;
  uint64_t prompt_tokens_total = 0;  // of sequences that were started
  uint64_t shared_tokens_total = 0;  // of those, the ones whose memory is another sequence's
};

// A request had its first row.
struct StartedSequence {
  uint64_t id = 0;
  int cached_tokens = 0;  // of its prompt, how many need no computing
};

class Scheduler {
 public:
  // Ends the program if CheckOptions(options) fails.
  explicit Scheduler(SchedulerOptions options);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Queues a request; its id must be new. INVALID_ARGUMENT as CheckRequest; RESOURCE_EXHAUSTED with the
  // bound: too many wait.
  absl::Status Add(Request request);

  // Ends a request with `reason` and reports it in *events (appended). False: no such request, or it has
  // ended already.
  bool Cancel(uint64_t id, FinishReason reason, std::vector<SequenceEvent>* events);

  // Nothing is planned for a parked request until Unpark; what was planned before still gives its tokens.
  // False: no such request, it has ended, or it is so already.
  bool Park(uint64_t id);
  bool Unpark(uint64_t id);

  // Ends with kDeadline what should have ended before `now_us`. Cheap until the next deadline.
  void Expire(int64_t now_us, std::vector<SequenceEvent>* events);
  // No request's deadline is earlier; 0 = there is none.
  int64_t next_deadline_us() const { return next_deadline_us_; }

  // Plans one step into *batch. False: nothing to do, or max_in_flight steps are planned already; *batch is
  // then empty.
  bool NextBatch(Batch* batch);

  // Requests that had their very first row in the last planned step.
  const std::vector<StartedSequence>& started() const { return started_; }

  // Takes the result of the oldest planned step and appends its news. INTERNAL: the result does not belong to
  // the step, or names a token outside the vocabulary; nothing has changed then.
  absl::Status Finish(const BatchResult& result, std::vector<SequenceEvent>* events);

  int in_flight() const { return in_flight_count_; }
  // Nothing waits, runs, or is in flight.
  bool idle() const { return sequences_.empty() && in_flight_count_ == 0; }
  // Nothing is in flight and nothing can be planned: idle, or all that is left is parked.
  bool resting() const { return in_flight_count_ == 0 && parked_.size() == sequences_.size(); }
  SchedulerCounts counts() const;
  const SchedulerOptions& options() const { return options_; }

  // INTERNAL names the first broken rule: every block held once, slots exclusive, lists and counters
  // consistent. For tests.
  absl::Status CheckInvariants() const;

 private:
  struct Sequence;
  struct Sharing {
    const Sequence* from = nullptr;
    int blocks = 0;     // that can be shared now
    bool soon = false;  // more in a moment: they are being computed
  };
  struct PlannedSample {
    Sequence* sequence;
    int position;  // of the new token
    bool drawn;    // else it is the prompt's
  };
  struct PlannedStep {
    uint64_t step = 0;
    std::vector<Sequence*> sequences;  // each once
    std::vector<PlannedSample> samples;
  };

  void PlanDecode(Batch* batch);
  void PlanPrefill(int* chunk_rows, Batch* batch);
  void PlanAdmissions(int* chunk_rows, Batch* batch);
  void PlanChunk(Sequence* sequence, int* chunk_rows, Batch* batch);
  void PlanSample(Sequence* sequence, int position, Batch* batch);
  int ChunkEnd(const Sequence& sequence, int rows, const Batch& batch) const;
  int SamplesFor(const Sequence& sequence, const Batch& batch) const;
  void Refer(Sequence* sequence);
  Sharing SharingOf(const Sequence& candidate) const;
  void ShareBlocks(Sequence* sequence, Batch* batch);
  bool MakeAdmissible(const Sequence& candidate);
  Sequence* ParkedVictim() const;
  int HoldingParked() const;
  void Admit(Sequence* sequence, Batch* batch);
  int HoldBlocks(Sequence* sequence, int end, Batch* batch);
  bool PreemptForBlock(const Sequence& requester);
  void Preempt(Sequence* victim);
  void Requeue(Sequence* sequence);
  void End(Sequence* sequence);
  void Release(Sequence* sequence);
  FinishReason ReasonAfter(const Sequence& sequence, TokenId token) const;
  int RowsLeft(const Batch& batch) const;
  int SamplesLeft(const Batch& batch) const;
  Sequence* FirstWaiting() const;
  absl::Status CheckResult(const BatchResult& result) const;
  void TakeToken(Sequence* sequence, TokenId token, int sample, std::vector<SequenceEvent>* events);
  absl::Status CheckMemory() const;
  absl::Status CheckLists() const;

  const SchedulerOptions options_;
  const int max_running_;  // every running sequence can have a row and a sample in one step
  BlockPool pool_;
  std::vector<int> free_slots_;  // a stack
  absl::flat_hash_map<uint64_t, std::unique_ptr<Sequence>> sequences_;
  std::vector<Sequence*> running_;        // in the order of service
  std::vector<Sequence*> parked_;         // in the order of service; those in leaving_ not included
  std::vector<Sequence*> leaving_;        // ended or preempted, but planned steps refer to them
  std::deque<Sequence*> waiting_[3];      // by priority, by arrival
  int unstarted_ = 0;                     // of the waiting, those that never ran
  std::vector<PlannedStep> planned_;      // a ring of max_in_flight steps
  int oldest_ = 0, in_flight_count_ = 0;  // in planned_
  PlannedStep* current_ = nullptr;        // the step being planned
  uint64_t last_step_ = 0, last_arrival_ = 0, preemptions_total_ = 0;
  int64_t uncomputed_prompt_tokens_ = 0;
  int64_t next_deadline_us_ = 0;  // no deadline is earlier; 0 = there is none
  uint64_t admitted_prompt_tokens_ = 0, shared_prompt_tokens_ = 0;
  std::vector<StartedSequence> started_;
  std::vector<uint64_t> expired_;
};

}  // namespace hekla::schedule

#endif  // HEKLA_WORKER_SCHEDULE_SCHEDULER_H_
