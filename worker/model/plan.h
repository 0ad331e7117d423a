// A Plan is the model as a list of fused operations over its weights. One family file builds it; the CPU executor runs it as written,
// the Vulkan stage lowers each op to launches. Plain data: it holds views into the model file and no device.
//
// Between the ops, for every row (token) of a step, stand
//   x       [E]            the residual stream
//   q       [heads * d]    queries after norm and RoPE
//   a       [heads * d]    attention output
//   h       [F]            SwiGLU output
//   logits  [V]            only of sampled rows
// and for every layer the KV cache: k and v, [kv_heads * d] f16 per token, by block.
#ifndef HEKLA_WORKER_MODEL_PLAN_H_
#define HEKLA_WORKER_MODEL_PLAN_H_

#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/model/gguf.h"
#include "worker/model/model_config.h"

namespace hekla::model {

// `rows` consecutive rows of a tensor of the file: y[r] = sum_c W[r][c] x[c]. Row r starts at data + r * row_bytes.
struct Matrix {
  std::string name;                 // of the tensor, for messages
  TensorType type = TensorType::kF32;
  const uint8_t* data = nullptr;
  int rows = 0, columns = 0;

  bool empty() const { return rows == 0; }
  uint64_t row_bytes() const { return uint64_t(columns) / Traits(type).block_weights * Traits(type).block_bytes; }
  uint64_t bytes() const { return row_bytes() * rows; }
};

// x = table[token]
struct EmbedOp {
  Matrix table;                     // [V][E]
};

// n = rms(x, norm); q, k, v = Wq n + bq, Wk n + bk, Wv n + bv; [q, k normed per head]; q, k = rope(q), rope(k); append k, v.
struct QkvOp {
  int layer = 0;
  std::vector<float> norm;          // [E]
  Matrix q, k, v;                   // [heads * d][E], [kv_heads * d][E] twice
  std::vector<float> q_bias, k_bias, v_bias;   // empty or one a row
  std::vector<float> q_norm, k_norm;           // empty or [d] (qwen3)
  int heads = 0, kv_heads = 0, head_dim = 0;
};

// a[h] = sum_j softmax_j(scale * q[h] . k[j][h / (heads / kv_heads)]) v[j][...], over positions j <= the row's own.
struct AttentionOp {
  int layer = 0;
  int heads = 0, kv_heads = 0, head_dim = 0;
  float scale = 0;
};

// x += W a + b
struct AttentionOutputOp {
  Matrix weight;                    // [E][heads * d]
  std::vector<float> bias;          // empty or [E]
};

// n = rms(x, norm); h = silu(Wg n + bg) * (Wu n + bu)
struct GateUpOp {
  std::vector<float> norm;          // [E]
  Matrix gate, up;                  // [F][E]
  std::vector<float> gate_bias, up_bias;       // empty or [F]
};

// x += W h + b
struct DownOp {
  Matrix weight;                    // [E][F]
  std::vector<float> bias;          // empty or [E]
};

// logits = W rms(x, norm) + b, for sampled rows
struct HeadOp {
  std::vector<float> norm;          // [E]
  Matrix weight;                    // [V][E]; the embedding table when the file has no output matrix
  std::vector<float> bias;          // empty or [V]
};

using Op = std::variant<EmbedOp, QkvOp, AttentionOp, AttentionOutputOp, GateUpOp, DownOp, HeadOp>;

struct Plan {
  ModelConfig config;
  std::vector<Op> ops;
  uint64_t weight_bytes = 0;        // of all matrices, each tensor once, as stored in the file
};

// Builds the plan of the file's family and checks every tensor: present, of exactly the shape the hyper-parameters give, of a type
// its role supports (norms and biases F32 or F16), and none left over. Vectors are copied, matrices are views into `file`.
absl::StatusOr<Plan> BuildPlan(const Gguf& file);

}  // namespace hekla::model

#endif  // HEKLA_WORKER_MODEL_PLAN_H_
