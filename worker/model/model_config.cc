#include "worker/model/model_config.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"

namespace hekla::model {
namespace {

constexpr uint64_t kMaxLayers = 512;
constexpr uint64_t kMaxWidth = 1000000;     // embedding, feed-forward and head counts
constexpr uint64_t kMaxContext = 1u << 30;  // tokens
constexpr uint64_t kMaxVocabulary = 1u << 24;
constexpr uint64_t kMaxHeadDim = 256;  // what the attention kernels hold
constexpr uint64_t kHeadDimStep = 8;
constexpr double kYarnBetaFast = 32, kYarnBetaSlow = 1;
constexpr double kPi = 3.14159265358979323846;

// Reads the keys of one architecture: "block_count" stands for e.g. "llama.block_count".
class KeyReader {
 public:
  KeyReader(const Gguf& file, const std::string& architecture) : file_(file), prefix_(architecture + ".") {}

  std::string Name(absl::string_view key) const { return absl::StrCat(prefix_, key); }
  bool Has(absl::string_view key) const { return file_.Has(Name(key)); }

  // The value, checked against [low, high]. NOT_FOUND if absent.
  absl::StatusOr<int> Int(absl::string_view key, uint64_t low, uint64_t high) const {
    HEKLA_ASSIGN_OR_RETURN(uint64_t value, file_.GetUint(Name(key)));
    HEKLA_RETURN_IF_ERROR(CheckRange(Name(key), value, low, high));
    return static_cast<int>(value);
  }
  absl::StatusOr<int> Int(absl::string_view key, uint64_t low, uint64_t high, int fallback) const {
    if (!Has(key)) return fallback;
    return Int(key, low, high);
  }
  absl::StatusOr<double> Float(absl::string_view key, double fallback) const {
    if (!Has(key)) return fallback;
    return file_.GetFloat(Name(key));
  }
  // One value a layer, from a scalar or from an array of at least `layers` elements.
  absl::StatusOr<std::vector<int>> PerLayer(absl::string_view key, int layers, uint64_t high) const {
    const std::string name = Name(key);
    if (!file_.IsArray(name)) {
      HEKLA_ASSIGN_OR_RETURN(int value, Int(key, 1, high));
      return std::vector<int>(layers, value);
    }
    HEKLA_ASSIGN_OR_RETURN(std::vector<int64_t> values, file_.GetIntArray(name));
    if (values.size() < static_cast<size_t>(layers)) {
      return absl::DataLossError(
          absl::StrCat(name, " has ", values.size(), " elements, fewer than the ", layers, " layers"));
    }
    std::vector<int> out(layers);
    for (int i = 0; i < layers; ++i) {
      const uint64_t value = values[i] < 0 ? std::numeric_limits<uint64_t>::max() : uint64_t(values[i]);
      HEKLA_RETURN_IF_ERROR(CheckRange(absl::StrCat(name, "[", i, "]"), value, 1, high));
      out[i] = static_cast<int>(value);
    }
    return out;
  }

 private:
  static absl::Status CheckRange(const std::string& name, uint64_t value, uint64_t low, uint64_t high) {
    if (value >= low && value <= high) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat(name, " is ", value, ", allowed is ", low, "..", high));
  }

  const Gguf& file_;
  std::string prefix_;
};

absl::Status CheckIsWholeModel(const Gguf& file) {
  if (file.Has("general.type")) {
    HEKLA_ASSIGN_OR_RETURN(std::string type, file.GetString("general.type"));
    if (type == "adapter" || type == "mmproj" || type == "imatrix") {
      return absl::UnimplementedError(absl::StrCat("general.type is \"", type, "\": not a language model"));
    }
  }
  if (file.Has("split.count")) {
    HEKLA_ASSIGN_OR_RETURN(uint64_t shards, file.GetUint("split.count"));
    if (shards > 1) {
      return absl::UnimplementedError(
          absl::StrCat("split.count is ", shards, ": only models of one file are supported"));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadHeads(const KeyReader& keys, ModelConfig* config) {
  HEKLA_ASSIGN_OR_RETURN(config->heads, keys.PerLayer("attention.head_count", config->layers, kMaxWidth));
  config->kv_heads = config->heads;
  if (keys.Has("attention.head_count_kv")) {
    HEKLA_ASSIGN_OR_RETURN(config->kv_heads,
                           keys.PerLayer("attention.head_count_kv", config->layers, kMaxWidth));
  }
  for (int i = 0; i < config->layers; ++i) {
    if (config->heads[i] % config->kv_heads[i] != 0) {
      return absl::DataLossError(absl::StrCat(keys.Name("attention.head_count"), " is ", config->heads[i],
                                              " in layer ", i, ", not a multiple of head_count_kv ",
                                              config->kv_heads[i]));
    }
  }
  if (!keys.Has("attention.key_length") && config->embedding % config->heads[0] != 0) {
    return absl::DataLossError(absl::StrCat(keys.Name("attention.key_length"),
                                            " is absent and embedding_length ", config->embedding,
                                            " is not a multiple of head_count ", config->heads[0]));
  }
  const int even_split = config->embedding / config->heads[0];
  HEKLA_ASSIGN_OR_RETURN(config->head_dim, keys.Int("attention.key_length", 1, kMaxWidth, even_split));
  if (config->head_dim < 1 || uint64_t(config->head_dim) > kMaxHeadDim ||
      config->head_dim % kHeadDimStep != 0) {
    return absl::UnimplementedError(absl::StrCat(
        keys.Name("attention.key_length"), " (or embedding_length / head_count) is ", config->head_dim,
        ", supported are multiples of ", kHeadDimStep, " up to ", kMaxHeadDim));
  }
  HEKLA_ASSIGN_OR_RETURN(int value_length, keys.Int("attention.value_length", 1, kMaxWidth, even_split));
  if (value_length != config->head_dim) {
    return absl::UnimplementedError(absl::StrCat(keys.Name("attention.value_length"), " is ", value_length,
                                                 ", must equal attention.key_length ", config->head_dim));
  }
  return absl::OkStatus();
}

absl::Status ReadRopeScaling(const Gguf& file, const KeyReader& keys, ModelConfig* config) {
  RopeConfig& rope = config->rope;
  std::string type = "linear";
  if (keys.Has("rope.scaling.type")) {
    HEKLA_ASSIGN_OR_RETURN(type, file.GetString(keys.Name("rope.scaling.type")));
  }
  if (type == "none") {
    rope.scaling = RopeScaling::kNone;
  } else if (type == "linear") {
    rope.scaling = RopeScaling::kLinear;
  } else if (type == "yarn") {
    rope.scaling = RopeScaling::kYarn;
  } else {
    return absl::UnimplementedError(absl::StrCat(keys.Name("rope.scaling.type"), " is \"", type,
                                                 "\", supported are none, linear and yarn"));
  }
  HEKLA_ASSIGN_OR_RETURN(double old_factor, keys.Float("rope.scale_linear", 0));
  HEKLA_ASSIGN_OR_RETURN(double factor, keys.Float("rope.scaling.factor", old_factor));
  if (factor < 0 || factor > kMaxContext || (factor > 0 && factor < 1e-6)) {
    return absl::DataLossError(absl::StrCat(keys.Name("rope.scaling.factor"), " is ", factor,
                                            ", allowed is 0 or 1e-6..", kMaxContext));
  }
  rope.factor = factor == 0 || rope.scaling == RopeScaling::kNone ? 1 : factor;
  HEKLA_ASSIGN_OR_RETURN(rope.attention_factor, keys.Float("rope.scaling.attn_factor", 1));
  HEKLA_ASSIGN_OR_RETURN(rope.original_context, keys.Int("rope.scaling.original_context_length", 1,
                                                         kMaxContext, config->context_length));
  if (rope.scaling == RopeScaling::kYarn && rope.freq_base <= 1) {
    return absl::DataLossError(
        absl::StrCat(keys.Name("rope.freq_base"), " is ", rope.freq_base, ", YaRN needs more than 1"));
  }
  return absl::OkStatus();
}

absl::Status ReadRope(const Gguf& file, const KeyReader& keys, ModelConfig* config) {
  RopeConfig& rope = config->rope;
  rope.pairing = config->architecture == "llama" ? RopePairing::kInterleaved : RopePairing::kHalves;
  HEKLA_ASSIGN_OR_RETURN(int rotated, keys.Int("rope.dimension_count", 1, kMaxWidth, config->head_dim));
  if (rotated != config->head_dim) {
    return absl::UnimplementedError(absl::StrCat(keys.Name("rope.dimension_count"), " is ", rotated,
                                                 ", must equal attention.key_length ", config->head_dim));
  }
  HEKLA_ASSIGN_OR_RETURN(rope.freq_base, keys.Float("rope.freq_base", 10000));
  if (rope.freq_base <= 0) {
    return absl::DataLossError(
        absl::StrCat(keys.Name("rope.freq_base"), " is ", rope.freq_base, ", must be > 0"));
  }
  return ReadRopeScaling(file, keys, config);
}

// rope_freqs.weight: [head_dim / 2] divisors of the angles, F32.
absl::Status ReadFreqFactors(const Gguf& file, ModelConfig* config) {
  const GgufTensor* tensor = file.Find("rope_freqs.weight");
  if (tensor == nullptr || config->architecture != "llama") return absl::OkStatus();
  const uint64_t pairs = config->head_dim / 2;
  if (tensor->type != TensorType::kF32 || tensor->columns() != pairs || tensor->rows() != 1) {
    return absl::DataLossError(absl::StrCat("tensor rope_freqs.weight is ", Traits(tensor->type).name, " {",
                                            tensor->columns(), ", ", tensor->rows(), "}, expected F32 {",
                                            pairs, "}"));
  }
  config->rope.freq_factors.resize(pairs);
  Dequantize(tensor->type, tensor->data, pairs, config->rope.freq_factors.data());
  for (uint64_t i = 0; i < pairs; ++i) {
    const float factor = config->rope.freq_factors[i];
    if (!(factor > 0) || !std::isfinite(factor)) {
      return absl::DataLossError(
          absl::StrCat("tensor rope_freqs.weight: element ", i, " is ", factor, ", must be finite and > 0"));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadVocabularySize(const Gguf& file, ModelConfig* config) {
  const GgufTensor* table = file.Find("token_embd.weight");
  if (table == nullptr) return absl::NotFoundError("missing tensor token_embd.weight");
  const uint64_t rows = table->rows();
  if (rows < 1 || rows > kMaxVocabulary) {
    return absl::DataLossError(
        absl::StrCat("tensor token_embd.weight has ", rows, " rows, allowed is 1..", kMaxVocabulary));
  }
  config->vocabulary = static_cast<int>(rows);
  if (file.Has("tokenizer.ggml.tokens")) {
    HEKLA_ASSIGN_OR_RETURN(std::vector<std::string> pieces, file.GetStringArray("tokenizer.ggml.tokens"));
    if (pieces.size() != rows) {
      return absl::DataLossError(absl::StrCat("tokenizer.ggml.tokens has ", pieces.size(),
                                              " elements, token_embd.weight has ", rows, " rows"));
    }
  }
  return absl::OkStatus();
}

// YaRN: 1 = the pair keeps its frequency, 0 = it is interpolated. [head_dim / 2]
std::vector<double> YarnKeep(const ModelConfig& config) {
  const RopeConfig& rope = config.rope;
  const int n = config.head_dim;
  const auto pair_of = [&](double rotations) {
    return n * std::log(rope.original_context / (2 * kPi * rotations)) / (2 * std::log(rope.freq_base));
  };
  const double low = std::max(0.0, std::floor(pair_of(kYarnBetaFast)));
  const double high = std::min(n - 1.0, std::ceil(pair_of(kYarnBetaSlow)));
  std::vector<double> keep(n / 2);
  for (int i = 0; i < n / 2; ++i) {
    keep[i] = 1 - std::clamp((i - low) / std::max(0.001, high - low), 0.0, 1.0);
  }
  return keep;
}

}  // namespace

absl::StatusOr<ModelConfig> ReadModelConfig(const Gguf& file) {
  ModelConfig config;
  HEKLA_ASSIGN_OR_RETURN(config.architecture, file.GetString("general.architecture"));
  if (config.architecture != "llama" && config.architecture != "qwen2" && config.architecture != "qwen3") {
    return absl::UnimplementedError(absl::StrCat("general.architecture is \"", config.architecture,
                                                 "\", supported are llama, qwen2 and qwen3"));
  }
  HEKLA_RETURN_IF_ERROR(CheckIsWholeModel(file));
  config.name = file.path().substr(file.path().find_last_of('/') + 1);
  if (file.Has("general.name")) {
    HEKLA_ASSIGN_OR_RETURN(config.name, file.GetString("general.name"));
  }
  const KeyReader keys(file, config.architecture);
  HEKLA_ASSIGN_OR_RETURN(int experts, keys.Int("expert_count", 0, kMaxWidth, 0));
  if (experts > 0) {
    return absl::UnimplementedError(
        absl::StrCat(keys.Name("expert_count"), " is ", experts, ": mixture of experts is not supported"));
  }
  HEKLA_ASSIGN_OR_RETURN(config.layers, keys.Int("block_count", 1, kMaxLayers));
  HEKLA_ASSIGN_OR_RETURN(config.embedding, keys.Int("embedding_length", 1, kMaxWidth));
  HEKLA_ASSIGN_OR_RETURN(config.context_length, keys.Int("context_length", 1, kMaxContext));
  HEKLA_ASSIGN_OR_RETURN(config.feed_forward, keys.PerLayer("feed_forward_length", config.layers, kMaxWidth));
  HEKLA_ASSIGN_OR_RETURN(double epsilon, file.GetFloat(keys.Name("attention.layer_norm_rms_epsilon")));
  config.rms_epsilon = static_cast<float>(epsilon);
  if (!(config.rms_epsilon > 0) || !std::isfinite(config.rms_epsilon)) {
    return absl::DataLossError(absl::StrCat(keys.Name("attention.layer_norm_rms_epsilon"), " is ", epsilon,
                                            ", must be finite and > 0"));
  }
  HEKLA_RETURN_IF_ERROR(ReadHeads(keys, &config));
  HEKLA_RETURN_IF_ERROR(ReadRope(file, keys, &config));
  HEKLA_RETURN_IF_ERROR(ReadFreqFactors(file, &config));
  HEKLA_RETURN_IF_ERROR(ReadVocabularySize(file, &config));
  return config;
}

std::vector<float> RopeTable(const ModelConfig& config, int positions) {
  const RopeConfig& rope = config.rope;
  const int pairs = config.head_dim / 2;
  const bool yarn = rope.scaling == RopeScaling::kYarn;
  std::vector<double> frequency(pairs);  // radians a position
  const std::vector<double> keep = yarn ? YarnKeep(config) : std::vector<double>(pairs, 0.0);
  for (int i = 0; i < pairs; ++i) {
    const double base = std::pow(rope.freq_base, -2.0 * i / config.head_dim);
    const double divisor = rope.freq_factors.empty() ? 1.0 : rope.freq_factors[i];
    frequency[i] = base / divisor * ((1 - keep[i]) / rope.factor + keep[i]);
  }
  double magnitude = rope.attention_factor;
  if (yarn && rope.factor > 1) magnitude *= 1 + 0.1 * std::log(rope.factor);
  std::vector<float> table(size_t(positions) * pairs * 2);
  for (size_t p = 0, at = 0; p < size_t(positions); ++p) {
    for (int i = 0; i < pairs; ++i, at += 2) {
      const double angle = p * frequency[i];
      table[at] = static_cast<float>(std::cos(angle) * magnitude);
      table[at + 1] = static_cast<float>(std::sin(angle) * magnitude);
    }
  }
  return table;
}

}  // namespace hekla::model
