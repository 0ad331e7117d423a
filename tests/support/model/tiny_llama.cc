#include "tests/support/model/tiny_llama.h"

#include <random>

#include "tests/support/model/random_tensor.h"
#include "worker/text/utf8.h"

namespace hekla::test {
namespace {

using model::TensorType;

constexpr uint32_t kWidth = 256, kHeads = 4, kKvHeads = 2, kHeadDim = 64, kFeedForward = 256, kPieces = 262;

// A byte in GPT-2's printable alphabet.
std::string Written(int byte) {
  static const std::vector<std::string>* alphabet = [] {
    auto* all = new std::vector<std::string>(256);
    char32_t next = 0x100;
    for (int b = 0; b < 256; ++b) {
      const bool itself = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      text::AppendUtf8(itself ? static_cast<char32_t>(b) : next++, &(*all)[b]);
    }
    return all;
  }();
  return (*alphabet)[byte];
}

}  // namespace

void AddTinyVocabulary(GgufWriter* writer) {
  std::vector<std::string> pieces, merges;
  for (int byte = 0; byte < 256; ++byte) pieces.push_back(Written(byte));
  const std::string space = Written(' ');
  for (const auto& [left, right] :
       std::vector<std::pair<std::string, std::string>>{{"h", "e"}, {"l", "l"}, {"he", "ll"}, {space, "w"}}) {
    merges.push_back(left + " " + right);
    pieces.push_back(left + right);
  }
  pieces.push_back("<|begin|>");
  pieces.push_back("<|endoftext|>");
  std::vector<int32_t> kinds(pieces.size(), 1);
  kinds[260] = kinds[261] = 3;
  writer->AddString("tokenizer.ggml.model", "gpt2")
      .AddString("tokenizer.ggml.pre", "gpt-2")
      .AddStrings("tokenizer.ggml.tokens", pieces)
      .AddI32s("tokenizer.ggml.token_type", kinds)
      .AddStrings("tokenizer.ggml.merges", merges)
      .AddU32("tokenizer.ggml.bos_token_id", 260)
      .AddU32("tokenizer.ggml.eos_token_id", 261)
      .AddBool("tokenizer.ggml.add_bos_token", true);
}

GgufWriter TinyLlama(uint32_t seed) {
  std::mt19937 random(seed);
  GgufWriter writer;
  writer.AddString("general.architecture", "llama")
      .AddString("general.name", "tiny")
      .AddU32("llama.block_count", 1)
      .AddU32("llama.context_length", 128)
      .AddU32("llama.embedding_length", kWidth)
      .AddU32("llama.feed_forward_length", kFeedForward)
      .AddU32("llama.attention.head_count", kHeads)
      .AddU32("llama.attention.head_count_kv", kKvHeads)
      .AddF32("llama.attention.layer_norm_rms_epsilon", 1e-5f)
      .AddF32("llama.rope.freq_base", 10000.0f)
      .AddU32("llama.rope.dimension_count", kHeadDim)
      .AddU32("llama.vocab_size", kPieces);
  AddTinyVocabulary(&writer);
  auto add = [&](absl::string_view name, TensorType type, const std::vector<uint64_t>& shape) {
    uint64_t weights = 1;
    for (const uint64_t extent : shape) weights *= extent;
    writer.AddTensor(name, shape, type, RandomTensor(type, weights, &random));
  };
  add("token_embd.weight", TensorType::kQ8_0, {kWidth, kPieces});
  add("blk.0.attn_norm.weight", TensorType::kF32, {kWidth});
  add("blk.0.attn_q.weight", TensorType::kQ4_0, {kWidth, kHeads * kHeadDim});
  add("blk.0.attn_k.weight", TensorType::kF16, {kWidth, kKvHeads * kHeadDim});
  add("blk.0.attn_v.weight", TensorType::kBF16, {kWidth, kKvHeads * kHeadDim});
  add("blk.0.attn_output.weight", TensorType::kQ4_K, {kHeads * kHeadDim, kWidth});
  add("blk.0.ffn_norm.weight", TensorType::kF32, {kWidth});
  add("blk.0.ffn_gate.weight", TensorType::kQ4_0, {kWidth, kFeedForward});
  add("blk.0.ffn_up.weight", TensorType::kQ6_K, {kWidth, kFeedForward});
  add("blk.0.ffn_down.weight", TensorType::kQ4_K, {kFeedForward, kWidth});
  add("output_norm.weight", TensorType::kF32, {kWidth});
  return writer;
}

}  // namespace hekla::test
