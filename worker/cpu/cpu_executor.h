// Runs a Plan over Batches on the processor: the truth that devices are tested against, and a slow device for
// machines without one. Plain: float32 values, float64 sums, no fusion. Results depend on neither the batch's
// other sequences nor its chunking.
//
// Thread rule: one thread; Run uses threads of its own. Lifetime: the model file must outlive it; the Plan is
// copied.
#ifndef HEKLA_WORKER_CPU_CPU_EXECUTOR_H_
#define HEKLA_WORKER_CPU_CPU_EXECUTOR_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/cpu/forward.h"
#include "worker/cpu/kv_cache.h"
#include "worker/cpu/thread_pool.h"
#include "worker/model/plan.h"
#include "worker/schedule/batch.h"

namespace hekla::cpu {

struct CpuOptions {
  int max_sequences = 1;    // slots
  int max_context = 512;    // tokens of one sequence
  int max_rows = 64;        // tokens of one step
  int max_samples = 1;      // sampled rows of one step
  int kv_blocks = 0;        // 0 = enough for every slot at max_context
  bool kv_float32 = false;  // keep k and v in float32 instead of f16
  int threads = 0;          // 0 = one a core
};

class CpuExecutor {
 public:
  // INVALID_ARGUMENT names the option, RESOURCE_EXHAUSTED when the KV cache does not fit in memory.
  static absl::StatusOr<std::unique_ptr<CpuExecutor>> Create(const model::Plan& plan,
                                                             const CpuOptions& options);

  // Computes one step. INVALID_ARGUMENT names the limit, slot or row that is wrong; slot and block
  // assignments of such a batch may have been applied, nothing else.
  absl::Status Run(const schedule::Batch& batch, schedule::BatchResult* result);

  const CpuOptions& options() const { return options_; }  // with the defaults filled in
  uint64_t memory_bytes() const;
  uint64_t bytes_read() const { return bytes_read_; }  // weights and KV since the start, counted from shapes

 private:
  struct Slot {
    schedule::SlotAssignment assignment;
    std::vector<int> block_table;            // -1 = no block yet
    std::vector<schedule::TokenId> history;  // [max_context + 1] by position, -1 = not known
  };
  CpuExecutor(const model::Plan& plan, const CpuOptions& options, KvCache cache);
  absl::Status CheckLimits(const schedule::Batch& batch) const;
  absl::Status ApplyAssignments(const schedule::Batch& batch);
  absl::Status CheckRows(const schedule::Batch& batch) const;
  absl::Status CheckSamples(const schedule::Batch& batch) const;
  schedule::SampleResult Sample(const schedule::BatchRow& row, schedule::TokenId known,
                                absl::Span<const float> logits);
  void CountBytes(const schedule::Batch& batch);

  const model::Plan plan_;
  const CpuOptions options_;
  const std::vector<float> rope_;
  KvCache cache_;
  ThreadPool pool_;
  Forward forward_;
  std::vector<Slot> slots_;
  uint64_t bytes_read_ = 0;
};

}  // namespace hekla::cpu

#endif  // HEKLA_WORKER_CPU_CPU_EXECUTOR_H_
