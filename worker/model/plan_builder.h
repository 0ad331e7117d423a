// What the model families share when they build a Plan: tensors looked up by name, checked for shape and
// type, counted as used; the ops of a dense pre-norm transformer added one by one. A family file (llama.cc,
// qwen.cc) is the order of the calls and which optional tensors the family may have.
//
// Errors: NOT_FOUND a missing tensor, DATA_LOSS a wrong shape or a tensor left over, UNIMPLEMENTED a type its
// role cannot have; each names the tensor.
#ifndef HEKLA_WORKER_MODEL_PLAN_BUILDER_H_
#define HEKLA_WORKER_MODEL_PLAN_BUILDER_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/model/gguf.h"
#include "worker/model/model_config.h"
#include "worker/model/plan.h"

namespace hekla::model {

class PlanBuilder {
 public:
  PlanBuilder(const Gguf& file, ModelConfig config) : file_(file) { plan_.config = std::move(config); }

  const ModelConfig& config() const { return plan_.config; }

  // Counts `name` as used where ReadModelConfig has already read it.
  void MarkUsed(absl::string_view name) { used_.insert(std::string(name)); }

  absl::Status AddEmbed();
  // q, k and v from three tensors, or from attn_qkv (all q heads, then k, then v); biases where the file has
  // them. With `head_norms` attn_q_norm and attn_k_norm are required, else they are not read.
  absl::Status AddQkv(int layer, bool head_norms);
  // Attention and its output matrix; attn_output.bias is read if `may_have_bias`.
  absl::Status AddAttention(int layer, bool may_have_bias);
  // Gate, up and down; ffn_{gate,up,down}.bias are read if `may_have_bias`.
  absl::Status AddFeedForward(int layer, bool may_have_bias);
  // output.weight or, when the file has none, the embedding table; output.bias is read if `may_have_bias`.
  absl::Status AddHead(bool may_have_bias);

  // The plan, once every tensor of the file is used.
  absl::StatusOr<Plan> Finish();

 private:
  // The tensor of this name with exactly the shape {columns, rows} (a vector: rows == 1).
  absl::StatusOr<const GgufTensor*> Take(const std::string& name, uint64_t columns, uint64_t rows);
  absl::StatusOr<Matrix> TakeMatrix(const std::string& name, int rows, int columns);
  absl::StatusOr<std::vector<float>> TakeVector(const std::string& name, int length);
  // Empty if the file has no such tensor.
  absl::StatusOr<std::vector<float>> TakeOptionalVector(const std::string& name, int length);
  absl::Status TakeFusedQkv(const std::string& prefix, QkvOp* op);
  absl::Status TakeSeparateQkv(const std::string& prefix, QkvOp* op);

  const Gguf& file_;
  Plan plan_;
  absl::flat_hash_set<std::string> used_;
};

// One per family file.
absl::StatusOr<Plan> BuildLlamaPlan(const Gguf& file, ModelConfig config);
absl::StatusOr<Plan> BuildQwenPlan(const Gguf& file, ModelConfig config);

}  // namespace hekla::model

#endif  // HEKLA_WORKER_MODEL_PLAN_BUILDER_H_
