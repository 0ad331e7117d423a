#include "worker/cpu/forward.h"

#include <algorithm>
#include <cmath>

namespace hekla::cpu {
namespace {

constexpr int kMatrixRowsPerPiece = 32;

double Dot(const float* a, const float* b, int count) {
  constexpr int kLanes = 8;
  double lanes[kLanes] = {};
  int i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) lanes[j] += double(a[i + j]) * b[i + j];
  }
  for (; i < count; ++i) lanes[0] += double(a[i]) * b[i];
  double sum = 0;
  for (double lane : lanes) sum += lane;
  return sum;
}

// out = x / sqrt(mean(x^2) + epsilon) * weight; out may be x.
void RmsNorm(const float* x, const std::vector<float>& weight, float epsilon, float* out) {
  const int count = static_cast<int>(weight.size());
  const double scale = 1 / std::sqrt(Dot(x, x, count) / count + epsilon);
  for (int i = 0; i < count; ++i) out[i] = static_cast<float>(x[i] * scale * weight[i]);
}

std::vector<float> NormRows(const std::vector<float>& x, const std::vector<float>& weight, float epsilon) {
  std::vector<float> out(x.size());
  for (size_t at = 0; at < x.size(); at += weight.size()) RmsNorm(&x[at], weight, epsilon, &out[at]);
  return out;
}

// Turns one head in place; `rope` holds cos and sin of each pair at the row's position.
void Rotate(const float* rope, int head_dim, model::RopePairing pairing, float* head) {
  const int pairs = head_dim / 2;
  for (int i = 0; i < pairs; ++i) {
    const bool interleaved = pairing == model::RopePairing::kInterleaved;
    float& u = head[interleaved ? 2 * i : i];
    float& v = head[interleaved ? 2 * i + 1 : i + pairs];
    const double c = rope[2 * i], s = rope[2 * i + 1], u0 = u, v0 = v;
    u = static_cast<float>(u0 * c - v0 * s);
    v = static_cast<float>(u0 * s + v0 * c);
  }
}

// In place: scores -> weights that sum to 1.
void Softmax(std::vector<double>* scores) {
  const double largest = *std::max_element(scores->begin(), scores->end());
  double sum = 0;
  for (double& s : *scores) sum += s = std::exp(s - largest);
  for (double& s : *scores) s /= sum;
}

}  // namespace

std::vector<float> Forward::Run(absl::Span<const ForwardRow> rows, absl::Span<const int> head_rows) {
  rows_ = rows;
  head_rows_ = head_rows;
  logits_.clear();
  for (const model::Op& op : plan_.ops) std::visit([this](const auto& o) { Apply(o); }, op);
  return std::move(logits_);
}

std::vector<float> Forward::Multiply(const model::Matrix& matrix, const std::vector<float>& bias,
                                     const std::vector<float>& x) {
  const int columns = matrix.columns, count = static_cast<int>(x.size() / columns);
  std::vector<float> y(size_t(count) * matrix.rows);
  pool_.ParallelFor(matrix.rows, kMatrixRowsPerPiece, [&](int begin, int end) {
    std::vector<float> weights(columns);
    for (int r = begin; r < end; ++r) {
      model::Dequantize(matrix.type, matrix.data + r * matrix.row_bytes(), columns, weights.data());
      const double b = bias.empty() ? 0 : bias[r];
      for (int t = 0; t < count; ++t) {
        y[size_t(t) * matrix.rows + r] =
            static_cast<float>(Dot(weights.data(), &x[size_t(t) * columns], columns) + b);
      }
    }
  });
  return y;
}

void Forward::AddToResidual(const std::vector<float>& y) {
  for (size_t i = 0; i < y.size(); ++i) x_[i] += y[i];
}

void Forward::Apply(const model::EmbedOp& op) {
  const int width = op.table.columns;
  x_.resize(rows_.size() * width);
  for (size_t t = 0; t < rows_.size(); ++t) {
    model::Dequantize(op.table.type, op.table.data + rows_[t].token * op.table.row_bytes(), width,
                      &x_[t * width]);
  }
}

void Forward::PrepareHeads(const std::vector<float>& norm, int heads, std::vector<float>* vectors) {
  const int d = plan_.config.head_dim;
  for (size_t t = 0; t < rows_.size(); ++t) {
    const float* rope = &rope_[size_t(rows_[t].position) * d];
    for (int h = 0; h < heads; ++h) {
      float* head = &(*vectors)[(t * heads + h) * d];
      if (!norm.empty()) RmsNorm(head, norm, plan_.config.rms_epsilon, head);
      Rotate(rope, d, plan_.config.rope.pairing, head);
    }
  }
}

void Forward::Apply(const model::QkvOp& op) {
  const std::vector<float> n = NormRows(x_, op.norm, plan_.config.rms_epsilon);
  q_ = Multiply(op.q, op.q_bias, n);
  std::vector<float> k = Multiply(op.k, op.k_bias, n);
  const std::vector<float> v = Multiply(op.v, op.v_bias, n);
  PrepareHeads(op.q_norm, op.heads, &q_);
  PrepareHeads(op.k_norm, op.kv_heads, &k);
  for (size_t t = 0; t < rows_.size(); ++t) {
    const int position = rows_[t].position;
    const int block = rows_[t].block_table[position / schedule::kBlockTokens];
    cache_.Append(op.layer, block, position % schedule::kBlockTokens, &k[t * op.k.rows], &v[t * op.v.rows]);
  }
}

void Forward::AttendRow(const model::AttentionOp& op, int row, int kv_head) {
  const int d = op.head_dim, group = op.heads / op.kv_heads;
  const ForwardRow& place = rows_[row];
  const int tokens = place.position + 1;
  std::vector<float> keys(size_t(tokens) * d), values(size_t(tokens) * d);
  for (int j = 0; j < tokens; ++j) {
    const int block = place.block_table[j / schedule::kBlockTokens], offset = j % schedule::kBlockTokens;
    cache_.LoadKey(op.layer, block, offset, kv_head, &keys[size_t(j) * d]);
    cache_.LoadValue(op.layer, block, offset, kv_head, &values[size_t(j) * d]);
  }
  std::vector<double> scores(tokens), sum(d);
  for (int h = kv_head * group; h < (kv_head + 1) * group; ++h) {
    const size_t at = (size_t(row) * op.heads + h) * d;
    for (int j = 0; j < tokens; ++j) scores[j] = Dot(&q_[at], &keys[size_t(j) * d], d) * op.scale;
    Softmax(&scores);
    std::fill(sum.begin(), sum.end(), 0.0);
    for (int j = 0; j < tokens; ++j) {
      for (int i = 0; i < d; ++i) sum[i] += scores[j] * values[size_t(j) * d + i];
    }
    std::copy(sum.begin(), sum.end(), a_.begin() + at);
  }
}

void Forward::Apply(const model::AttentionOp& op) {
  a_.resize(q_.size());
  const int pieces = static_cast<int>(rows_.size()) * op.kv_heads;
  pool_.ParallelFor(pieces, 1, [&](int begin, int end) {
    for (int i = begin; i < end; ++i) AttendRow(op, i / op.kv_heads, i % op.kv_heads);
  });
}

void Forward::Apply(const model::AttentionOutputOp& op) { AddToResidual(Multiply(op.weight, op.bias, a_)); }

void Forward::Apply(const model::GateUpOp& op) {
  const std::vector<float> n = NormRows(x_, op.norm, plan_.config.rms_epsilon);
  h_ = Multiply(op.gate, op.gate_bias, n);
  const std::vector<float> up = Multiply(op.up, op.up_bias, n);
  for (size_t i = 0; i < h_.size(); ++i) {
    const double gate = h_[i];
    h_[i] = static_cast<float>(gate / (1 + std::exp(-gate)) * up[i]);
  }
}

void Forward::Apply(const model::DownOp& op) { AddToResidual(Multiply(op.weight, op.bias, h_)); }

void Forward::Apply(const model::HeadOp& op) {
  const size_t width = op.norm.size();
  std::vector<float> n(head_rows_.size() * width);
  for (size_t i = 0; i < head_rows_.size(); ++i) {
    RmsNorm(&x_[head_rows_[i] * width], op.norm, plan_.config.rms_epsilon, &n[i * width]);
  }
  logits_ = Multiply(op.weight, op.bias, n);
}

}  // namespace hekla::cpu
