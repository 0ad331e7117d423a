// Writes small GGUF files for tests: a valid one-layer model whose keys and tensors a test then changes.
#ifndef HEKLA_TESTS_SUPPORT_MODEL_MODEL_FILE_H_
#define HEKLA_TESTS_SUPPORT_MODEL_MODEL_FILE_H_

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tests/support/model/gguf_writer.h"
#include "worker/model/gguf.h"

namespace hekla::test {

struct ModelFile {
  using Value = std::variant<uint32_t, float, std::string, std::vector<uint32_t>, std::vector<float>,
                             std::vector<std::string>>;
  struct Tensor {
    std::vector<uint64_t> shape;  // as in the file, contiguous dimension first
    model::TensorType type = model::TensorType::kF32;
    std::vector<float> values;  // F32 only; empty = zeros of any type
  };

  std::map<std::string, Value> keys;
  std::map<std::string, Tensor> tensors;

  // E = 32, two heads of 16 on one key head, F = 64, V = 10, one layer.
  static ModelFile Tiny(const std::string& architecture) {
    ModelFile file;
    file.keys["general.architecture"] = architecture;
    const std::string p = architecture + ".";
    file.keys[p + "context_length"] = 64u;
    file.keys[p + "embedding_length"] = 32u;
    file.keys[p + "block_count"] = 1u;
    file.keys[p + "feed_forward_length"] = 64u;
    file.keys[p + "attention.head_count"] = 2u;
    file.keys[p + "attention.head_count_kv"] = 1u;
    file.keys[p + "attention.layer_norm_rms_epsilon"] = 1e-5f;
    file.tensors["token_embd.weight"] = {{32, 10}, {}, {}};
    file.tensors["output_norm.weight"] = {{32}, {}, {}};
    const std::pair<const char*, std::vector<uint64_t>> layer[] = {
        {"attn_norm", {32}},    {"attn_q", {32, 32}},      {"attn_k", {32, 16}},
        {"attn_v", {32, 16}},   {"attn_output", {32, 32}}, {"ffn_norm", {32}},
        {"ffn_gate", {32, 64}}, {"ffn_up", {32, 64}},      {"ffn_down", {64, 32}}};
    for (const auto& [name, shape] : layer)
      file.tensors[std::string("blk.0.") + name + ".weight"] = {shape, {}, {}};
    if (architecture == "qwen3") {
      file.tensors["blk.0.attn_q_norm.weight"] = {{16}, {}, {}};
      file.tensors["blk.0.attn_k_norm.weight"] = {{16}, {}, {}};
    }
    return file;
  }

  std::string Bytes() const {
    GgufWriter writer;
    for (const auto& [key, value] : keys) {
      if (const auto* number = std::get_if<uint32_t>(&value)) writer.AddU32(key, *number);
      if (const auto* real = std::get_if<float>(&value)) writer.AddF32(key, *real);
      if (const auto* text = std::get_if<std::string>(&value)) writer.AddString(key, *text);
      if (const auto* numbers = std::get_if<std::vector<uint32_t>>(&value)) writer.AddU32s(key, *numbers);
      if (const auto* reals = std::get_if<std::vector<float>>(&value)) writer.AddF32s(key, *reals);
      if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) writer.AddStrings(key, *texts);
    }
    for (const auto& [name, tensor] : tensors) {
      uint64_t weights = 1;
      for (uint64_t n : tensor.shape) weights *= n;
      const model::TypeTraits& traits = model::Traits(tensor.type);
      std::string data(weights / traits.block_weights * traits.block_bytes, '\0');
      if (!tensor.values.empty())
        std::memcpy(data.data(), tensor.values.data(), tensor.values.size() * sizeof(float));
      writer.AddTensor(name, tensor.shape, tensor.type, data);
    }
    return writer.Build();
  }

  // The file is gone from its folder when this returns; the mapping stays.
  absl::StatusOr<std::unique_ptr<model::Gguf>> Open() const {
    return model::Gguf::Open(TemporaryFile(Bytes()).path());
  }
};

}  // namespace hekla::test

#endif  // HEKLA_TESTS_SUPPORT_MODEL_MODEL_FILE_H_
