// Writes small GGUF files for tests: a valid one-layer model whose keys and tensors a test then changes.
#ifndef HEKLA_TESTS_SUPPORT_MODEL_FILE_H_
#define HEKLA_TESTS_SUPPORT_MODEL_FILE_H_

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "worker/model/gguf.h"

namespace hekla::test {

struct ModelFile {
  using Value = std::variant<uint32_t, float, std::string, std::vector<uint32_t>, std::vector<std::string>>;
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
    std::string out = "GGUF";
    Put<uint32_t>(3, &out), Put<uint64_t>(tensors.size(), &out), Put<uint64_t>(keys.size(), &out);
    for (const auto& [name, value] : keys) PutText(name, &out), PutValue(value, &out);
    std::string data;
    for (const auto& [name, tensor] : tensors) {
      PutText(name, &out);
      Put<uint32_t>(tensor.shape.size(), &out);
      uint64_t weights = 1;
      for (uint64_t n : tensor.shape) Put<uint64_t>(n, &out), weights *= n;
      Put<uint32_t>(static_cast<uint32_t>(tensor.type), &out), Put<uint64_t>(data.size(), &out);
      const model::TypeTraits& traits = model::Traits(tensor.type);
      std::string raw(weights / traits.block_weights * traits.block_bytes, '\0');
      if (!tensor.values.empty())
        std::memcpy(raw.data(), tensor.values.data(), tensor.values.size() * sizeof(float));
      data += raw;
      data.resize((data.size() + 31) / 32 * 32);
    }
    out.resize((out.size() + 31) / 32 * 32);
    return out + data;
  }

  // Written to a temporary file, opened and unlinked.
  absl::StatusOr<std::unique_ptr<model::Gguf>> Open() const {
    char path[] = "/tmp/hekla-model-XXXXXX";
    const int descriptor = mkstemp(path);
    if (descriptor < 0) return absl::InternalError("mkstemp failed");
    close(descriptor);
    std::ofstream(path, std::ios::binary) << Bytes();
    auto file = model::Gguf::Open(path);
    std::remove(path);
    return file;
  }

 private:
  template <typename T>
  static void Put(T value, std::string* out) {
    out->append(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  static void PutText(const std::string& text, std::string* out) {
    Put<uint64_t>(text.size(), out);
    out->append(text);
  }
  static void PutValue(const Value& value, std::string* out) {
    if (const auto* number = std::get_if<uint32_t>(&value)) {
      Put<uint32_t>(4, out), Put(*number, out);
    } else if (const auto* real = std::get_if<float>(&value)) {
      Put<uint32_t>(6, out), Put(*real, out);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      Put<uint32_t>(8, out), PutText(*text, out);
    } else if (const auto* numbers = std::get_if<std::vector<uint32_t>>(&value)) {
      Put<uint32_t>(9, out), Put<uint32_t>(4, out), Put<uint64_t>(numbers->size(), out);
      for (uint32_t n : *numbers) Put(n, out);
    } else if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
      Put<uint32_t>(9, out), Put<uint32_t>(8, out), Put<uint64_t>(texts->size(), out);
      for (const std::string& t : *texts) PutText(t, out);
    }
  }
};

}  // namespace hekla::test

#endif  // HEKLA_TESTS_SUPPORT_MODEL_FILE_H_
