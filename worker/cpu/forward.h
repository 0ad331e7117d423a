// The ops of a Plan in plain C++ over the rows of one step. Values between ops are float32; sums of products,
// norms and softmax are float64. Weights are dequantised row by row as they are used. A row's result depends
// on nothing but its own sequence.
//
// Activations, T rows (Forward keeps them between ops):
//   x [T][E] residual; q [T][heads * d]; a [T][heads * d]; h [T][F]
#ifndef HEKLA_WORKER_CPU_FORWARD_H_
#define HEKLA_WORKER_CPU_FORWARD_H_

#include <vector>

#include "absl/types/span.h"
#include "worker/cpu/kv_cache.h"
#include "worker/cpu/thread_pool.h"
#include "worker/model/plan.h"

namespace hekla::cpu {

// One token of a step: its id, its place, and the blocks of its sequence.
struct ForwardRow {
  int token = 0;
  int position = 0;
  absl::Span<const int> block_table;
};

class Forward {
 public:
  // rope: RopeTable of all positions that will occur. Everything passed must outlive this.
  Forward(const model::Plan* plan, absl::Span<const float> rope, KvCache* cache, ThreadPool* pool)
      : plan_(*plan), rope_(rope), cache_(*cache), pool_(*pool) {}

  // Runs the plan: appends k and v of every row, and gives logits [head_rows][V] of the rows named in
  // head_rows. Blocks of positions 0..row.position must be in the row's table, and earlier positions computed
  // or among the rows.
  std::vector<float> Run(absl::Span<const ForwardRow> rows, absl::Span<const int> head_rows);

 private:
  void Apply(const model::EmbedOp& op);
  void Apply(const model::QkvOp& op);
  void Apply(const model::AttentionOp& op);
  void Apply(const model::AttentionOutputOp& op);
  void Apply(const model::GateUpOp& op);
  void Apply(const model::DownOp& op);
  void Apply(const model::HeadOp& op);

  // y[t][r] = sum_c W[r][c] x[t][c] + bias[r]; bias empty or [rows].
  std::vector<float> Multiply(const model::Matrix& matrix, const std::vector<float>& bias,
                              const std::vector<float>& x);
  void AddToResidual(const std::vector<float>& y);
  // Norms (if `norm` is not empty) and turns every head of `vectors` [T][heads * d].
  void PrepareHeads(const std::vector<float>& norm, int heads, std::vector<float>* vectors);
  void AttendRow(const model::AttentionOp& op, int row, int kv_head);

  const model::Plan& plan_;
  absl::Span<const float> rope_;
  KvCache& cache_;
  ThreadPool& pool_;
  absl::Span<const ForwardRow> rows_;
  absl::Span<const int> head_rows_;
  std::vector<float> x_, q_, a_, h_, logits_;
};

}  // namespace hekla::cpu

#endif  // HEKLA_WORKER_CPU_FORWARD_H_
