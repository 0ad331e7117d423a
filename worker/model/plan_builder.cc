#include "worker/model/plan_builder.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "worker/base/status_macros.h"

namespace hekla::model {
namespace {

std::string ShapeText(const std::vector<uint64_t>& shape) {
  return absl::StrCat("{", absl::StrJoin(shape, ", "), "}");
}

// Missing dimensions are 1, so trailing ones do not count.
std::vector<uint64_t> WithoutTrailingOnes(std::vector<uint64_t> shape) {
  while (shape.size() > 1 && shape.back() == 1) shape.pop_back();
  return shape;
}

std::string LayerPrefix(int layer) { return absl::StrCat("blk.", layer, "."); }

// Rows [first, first + rows) of `whole`.
Matrix RowView(const Matrix& whole, int first, int rows) {
  Matrix view = whole;
  view.data = whole.data + whole.row_bytes() * first;
  view.rows = rows;
  return view;
}

std::vector<float> Slice(const std::vector<float>& whole, int first, int count) {
  if (whole.empty()) return {};
  return std::vector<float>(whole.begin() + first, whole.begin() + first + count);
}

}  // namespace

absl::StatusOr<const GgufTensor*> PlanBuilder::Take(const std::string& name, uint64_t columns,
                                                    uint64_t rows) {
  const GgufTensor* tensor = file_.Find(name);
  if (tensor == nullptr) return absl::NotFoundError(absl::StrCat("missing tensor ", name));
  const std::vector<uint64_t> expected = WithoutTrailingOnes({columns, rows});
  if (WithoutTrailingOnes(tensor->shape) != expected) {
    return absl::DataLossError(absl::StrCat("tensor ", name, " has shape ", ShapeText(tensor->shape),
                                            ", expected ", ShapeText(expected),
                                            " from the hyper-parameters"));
  }
  return tensor;
}

absl::StatusOr<Matrix> PlanBuilder::TakeMatrix(const std::string& name, int rows, int columns) {
  HEKLA_ASSIGN_OR_RETURN(const GgufTensor* tensor, Take(name, columns, rows));
  if (columns % Traits(tensor->type).block_weights != 0) {
    return absl::DataLossError(absl::StrCat(
        "tensor ", name, " has ", columns, " columns, not a multiple of the ",
        Traits(tensor->type).block_weights, " weights of a ", Traits(tensor->type).name, " block"));
  }
  Matrix matrix;
  matrix.name = name;
  matrix.type = tensor->type;
  matrix.data = tensor->data;
  matrix.rows = rows;
  matrix.columns = columns;
  if (matrix.bytes() != tensor->bytes) {
    return absl::DataLossError(
        absl::StrCat("tensor ", name, " has ", tensor->bytes, " bytes, expected ", matrix.bytes()));
  }
  if (used_.insert(name).second) plan_.weight_bytes += tensor->bytes;
  return matrix;
}

absl::StatusOr<std::vector<float>> PlanBuilder::TakeVector(const std::string& name, int length) {
  HEKLA_ASSIGN_OR_RETURN(const GgufTensor* tensor, Take(name, length, 1));
  if (tensor->type != TensorType::kF32 && tensor->type != TensorType::kF16) {
    return absl::UnimplementedError(absl::StrCat("tensor ", name, " is ", Traits(tensor->type).name,
                                                 ", norms and biases must be F32 or F16"));
  }
  std::vector<float> out(length);
  Dequantize(tensor->type, tensor->data, length, out.data());
  used_.insert(name);
  return out;
}

absl::StatusOr<std::vector<float>> PlanBuilder::TakeOptionalVector(const std::string& name, int length) {
  if (file_.Find(name) == nullptr) return std::vector<float>();
  return TakeVector(name, length);
}

absl::Status PlanBuilder::AddEmbed() {
  EmbedOp op;
  HEKLA_ASSIGN_OR_RETURN(op.table, TakeMatrix("token_embd.weight", config().vocabulary, config().embedding));
  plan_.ops.push_back(std::move(op));
  return absl::OkStatus();
}

absl::Status PlanBuilder::TakeFusedQkv(const std::string& prefix, QkvOp* op) {
  const int q_rows = op->heads * op->head_dim, kv_rows = op->kv_heads * op->head_dim;
  const int all_rows = q_rows + 2 * kv_rows;
  HEKLA_ASSIGN_OR_RETURN(Matrix all, TakeMatrix(prefix + "attn_qkv.weight", all_rows, config().embedding));
  HEKLA_ASSIGN_OR_RETURN(std::vector<float> bias, TakeOptionalVector(prefix + "attn_qkv.bias", all_rows));
  op->q = RowView(all, 0, q_rows);
  op->k = RowView(all, q_rows, kv_rows);
  op->v = RowView(all, q_rows + kv_rows, kv_rows);
  op->q_bias = Slice(bias, 0, q_rows);
  op->k_bias = Slice(bias, q_rows, kv_rows);
  op->v_bias = Slice(bias, q_rows + kv_rows, kv_rows);
  return absl::OkStatus();
}

absl::Status PlanBuilder::TakeSeparateQkv(const std::string& prefix, QkvOp* op) {
  const int q_rows = op->heads * op->head_dim, kv_rows = op->kv_heads * op->head_dim;
  HEKLA_ASSIGN_OR_RETURN(op->q, TakeMatrix(prefix + "attn_q.weight", q_rows, config().embedding));
  HEKLA_ASSIGN_OR_RETURN(op->k, TakeMatrix(prefix + "attn_k.weight", kv_rows, config().embedding));
  HEKLA_ASSIGN_OR_RETURN(op->v, TakeMatrix(prefix + "attn_v.weight", kv_rows, config().embedding));
  HEKLA_ASSIGN_OR_RETURN(op->q_bias, TakeOptionalVector(prefix + "attn_q.bias", q_rows));
  HEKLA_ASSIGN_OR_RETURN(op->k_bias, TakeOptionalVector(prefix + "attn_k.bias", kv_rows));
  HEKLA_ASSIGN_OR_RETURN(op->v_bias, TakeOptionalVector(prefix + "attn_v.bias", kv_rows));
  return absl::OkStatus();
}

absl::Status PlanBuilder::AddQkv(int layer, bool head_norms) {
  const std::string prefix = LayerPrefix(layer);
  QkvOp op;
  op.layer = layer;
  op.heads = config().heads[layer];
  op.kv_heads = config().kv_heads[layer];
  op.head_dim = config().head_dim;
  HEKLA_ASSIGN_OR_RETURN(op.norm, TakeVector(prefix + "attn_norm.weight", config().embedding));
  if (file_.Find(prefix + "attn_qkv.weight") != nullptr) {
    HEKLA_RETURN_IF_ERROR(TakeFusedQkv(prefix, &op));
  } else {
    HEKLA_RETURN_IF_ERROR(TakeSeparateQkv(prefix, &op));
  }
  if (head_norms) {
    HEKLA_ASSIGN_OR_RETURN(op.q_norm, TakeVector(prefix + "attn_q_norm.weight", op.head_dim));
    HEKLA_ASSIGN_OR_RETURN(op.k_norm, TakeVector(prefix + "attn_k_norm.weight", op.head_dim));
  }
  plan_.ops.push_back(std::move(op));
  return absl::OkStatus();
}

absl::Status PlanBuilder::AddAttention(int layer, bool may_have_bias) {
  const std::string prefix = LayerPrefix(layer);
  AttentionOp attention;
  attention.layer = layer;
  attention.heads = config().heads[layer];
  attention.kv_heads = config().kv_heads[layer];
  attention.head_dim = config().head_dim;
  attention.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(attention.head_dim)));
  plan_.ops.push_back(attention);
  AttentionOutputOp output;
  HEKLA_ASSIGN_OR_RETURN(output.weight, TakeMatrix(prefix + "attn_output.weight", config().embedding,
                                                   attention.heads * attention.head_dim));
  if (may_have_bias) {
    HEKLA_ASSIGN_OR_RETURN(output.bias, TakeOptionalVector(prefix + "attn_output.bias", config().embedding));
  }
  plan_.ops.push_back(std::move(output));
  return absl::OkStatus();
}

absl::Status PlanBuilder::AddFeedForward(int layer, bool may_have_bias) {
  const std::string prefix = LayerPrefix(layer);
  const int embedding = config().embedding, inner = config().feed_forward[layer];
  GateUpOp gate_up;
  HEKLA_ASSIGN_OR_RETURN(gate_up.norm, TakeVector(prefix + "ffn_norm.weight", embedding));
  HEKLA_ASSIGN_OR_RETURN(gate_up.gate, TakeMatrix(prefix + "ffn_gate.weight", inner, embedding));
  HEKLA_ASSIGN_OR_RETURN(gate_up.up, TakeMatrix(prefix + "ffn_up.weight", inner, embedding));
  DownOp down;
  HEKLA_ASSIGN_OR_RETURN(down.weight, TakeMatrix(prefix + "ffn_down.weight", embedding, inner));
  if (may_have_bias) {
    HEKLA_ASSIGN_OR_RETURN(gate_up.gate_bias, TakeOptionalVector(prefix + "ffn_gate.bias", inner));
    HEKLA_ASSIGN_OR_RETURN(gate_up.up_bias, TakeOptionalVector(prefix + "ffn_up.bias", inner));
    HEKLA_ASSIGN_OR_RETURN(down.bias, TakeOptionalVector(prefix + "ffn_down.bias", embedding));
  }
  plan_.ops.push_back(std::move(gate_up));
  plan_.ops.push_back(std::move(down));
  return absl::OkStatus();
}

absl::Status PlanBuilder::AddHead(bool may_have_bias) {
  HeadOp op;
  HEKLA_ASSIGN_OR_RETURN(op.norm, TakeVector("output_norm.weight", config().embedding));
  const bool tied = file_.Find("output.weight") == nullptr;
  HEKLA_ASSIGN_OR_RETURN(op.weight, TakeMatrix(tied ? "token_embd.weight" : "output.weight",
                                               config().vocabulary, config().embedding));
  if (may_have_bias) {
    HEKLA_ASSIGN_OR_RETURN(op.bias, TakeOptionalVector("output.bias", config().vocabulary));
  }
  plan_.ops.push_back(std::move(op));
  return absl::OkStatus();
}

absl::StatusOr<Plan> PlanBuilder::Finish() {
  for (const GgufTensor& tensor : file_.tensors()) {
    if (!used_.contains(tensor.name)) {
      return absl::DataLossError(absl::StrCat("tensor ", tensor.name, " ", ShapeText(tensor.shape),
                                              " has no place in a ", config().architecture, " model of ",
                                              config().layers, " layers"));
    }
  }
  return std::move(plan_);
}

}  // namespace hekla::model
