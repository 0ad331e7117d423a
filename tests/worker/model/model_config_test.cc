#include "worker/model/model_config.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/model/model_file.h"

namespace hekla::model {
namespace {

using test::ModelFile;
using testing::HasSubstr;

absl::StatusOr<ModelConfig> Read(const ModelFile& file) {
  auto opened = file.Open();
  if (!opened.ok()) return opened.status();
  return ReadModelConfig(**opened);
}

void ExpectError(const ModelFile& file, absl::StatusCode code, const std::string& text) {
  const auto config = Read(file);
  EXPECT_EQ(config.status().code(), code) << config.status();
  EXPECT_THAT(std::string(config.status().message()), HasSubstr(text));
}

TEST(ModelConfigTest, ReadsKeysAndDefaults) {
  const auto config = Read(ModelFile::Tiny("llama"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->architecture, "llama");
  EXPECT_EQ(config->layers, 1);
  EXPECT_EQ(config->embedding, 32);
  EXPECT_EQ(config->head_dim, 16);
  EXPECT_EQ(config->vocabulary, 10);
  EXPECT_EQ(config->heads, std::vector<int>{2});
  EXPECT_EQ(config->kv_heads, std::vector<int>{1});
  EXPECT_EQ(config->feed_forward, std::vector<int>{64});
  EXPECT_EQ(config->rope.pairing, RopePairing::kInterleaved);
  EXPECT_EQ(config->rope.freq_base, 10000);
  EXPECT_EQ(config->rope.factor, 1);
  EXPECT_EQ(Read(ModelFile::Tiny("qwen2"))->rope.pairing, RopePairing::kHalves);
  EXPECT_EQ(Read(ModelFile::Tiny("qwen3"))->rope.pairing, RopePairing::kHalves);
}

TEST(ModelConfigTest, PerLayerArrays) {
  ModelFile file = ModelFile::Tiny("llama");
  file.keys["llama.block_count"] = 2u;
  file.keys["llama.feed_forward_length"] = std::vector<uint32_t>{64, 96, 128};
  ASSERT_TRUE(Read(file).ok()) << Read(file).status();
  EXPECT_EQ(Read(file)->feed_forward, (std::vector<int>{64, 96}));
  file.keys["llama.block_count"] = 4u;
  ExpectError(file, absl::StatusCode::kDataLoss,
              "llama.feed_forward_length has 3 elements, fewer than the 4 layers");
}

TEST(ModelConfigTest, RefusesWhatItCannotRun) {
  const std::pair<const char*, ModelFile::Value> cases[] = {
      {"general.architecture", std::string("gpt2")},
      {"llama.expert_count", 8u},
      {"llama.rope.scaling.type", std::string("longrope")},
      {"llama.attention.key_length", 12u},
      {"llama.attention.key_length", 512u},
      {"llama.attention.value_length", 8u},
      {"llama.rope.dimension_count", 8u},
      {"split.count", 3u},
      {"general.type", std::string("adapter")}};
  for (const auto& [key, value] : cases) {
    ModelFile file = ModelFile::Tiny("llama");
    file.keys[key] = value;
    ExpectError(file, absl::StatusCode::kUnimplemented, key);
  }
}

TEST(ModelConfigTest, RefusesValuesOutOfRange) {
  const std::pair<const char*, ModelFile::Value> cases[] = {
      {"llama.block_count", 0u},
      {"llama.block_count", 513u},
      {"llama.embedding_length", 0u},
      {"llama.embedding_length", 1000001u},
      {"llama.embedding_length", 33u},
      {"llama.context_length", 0u},
      {"llama.feed_forward_length", 0u},
      {"llama.attention.head_count", 0u},
      {"llama.attention.head_count_kv", 0u},
      {"llama.attention.head_count_kv", std::vector<uint32_t>{3}},
      {"llama.attention.layer_norm_rms_epsilon", 0.0f},
      {"llama.attention.layer_norm_rms_epsilon", -1.0f},
      {"llama.attention.layer_norm_rms_epsilon", std::numeric_limits<float>::infinity()},
      {"llama.rope.freq_base", 0.0f},
      {"llama.rope.freq_base", std::numeric_limits<float>::quiet_NaN()},
      {"llama.rope.scaling.factor", -1.0f},
      {"llama.rope.scaling.factor", 1e-30f},
      {"tokenizer.ggml.tokens", std::vector<std::string>{"a", "b"}}};
  for (const auto& [key, value] : cases) {
    ModelFile file = ModelFile::Tiny("llama");
    file.keys[key] = value;
    const auto config = Read(file);
    EXPECT_EQ(config.status().code(), absl::StatusCode::kDataLoss) << key << ": " << config.status();
    const std::string name = std::string(key).substr(0, std::string(key).find("_kv"));
    EXPECT_THAT(std::string(config.status().message()),
                HasSubstr(name == "llama.rope.freq_base" ? "freq_base" : name.substr(6)));
  }
}

TEST(ModelConfigTest, NamesTheMissingKey) {
  for (const char* key : {"general.architecture", "llama.block_count", "llama.embedding_length",
                          "llama.context_length", "llama.feed_forward_length", "llama.attention.head_count",
                          "llama.attention.layer_norm_rms_epsilon"}) {
    ModelFile file = ModelFile::Tiny("llama");
    file.keys.erase(key);
    ExpectError(file, absl::StatusCode::kNotFound, key);
  }
  ModelFile file = ModelFile::Tiny("llama");
  file.tensors.erase("token_embd.weight");
  ExpectError(file, absl::StatusCode::kNotFound, "token_embd.weight");
}

TEST(ModelConfigTest, FreqFactors) {
  ModelFile file = ModelFile::Tiny("llama");
  file.tensors["rope_freqs.weight"] = {{8}, TensorType::kF32, {1, 1, 1, 1, 2, 4, 8, 8}};
  ASSERT_TRUE(Read(file).ok()) << Read(file).status();
  EXPECT_EQ(Read(file)->rope.freq_factors, (std::vector<float>{1, 1, 1, 1, 2, 4, 8, 8}));
  file.tensors["rope_freqs.weight"].values[5] = 0;
  ExpectError(file, absl::StatusCode::kDataLoss, "rope_freqs.weight: element 5 is 0");
  file.tensors["rope_freqs.weight"] = {{9}, TensorType::kF32, {}};
  ExpectError(file, absl::StatusCode::kDataLoss, "rope_freqs.weight is F32 {9, 1}, expected F32 {8}");
}

ModelConfig RopeOnly(int head_dim) {
  ModelConfig config;
  config.head_dim = head_dim;
  return config;
}

TEST(RopeTableTest, PlainAngles) {
  const std::vector<float> table = RopeTable(RopeOnly(8), 100001);
  ASSERT_EQ(table.size(), size_t(100001) * 8);
  for (int position : {0, 1, 77, 100000}) {
    for (int pair = 0; pair < 4; ++pair) {
      const double angle = position * std::pow(10000.0, -pair / 4.0);
      EXPECT_NEAR(table[(position * 4 + pair) * 2], std::cos(angle), 1e-7) << position;
      EXPECT_NEAR(table[(position * 4 + pair) * 2 + 1], std::sin(angle), 1e-7) << position;
    }
  }
}

TEST(RopeTableTest, LinearScalingAndFactorsDivide) {
  ModelConfig config = RopeOnly(4);
  config.rope.factor = 4;
  config.rope.freq_factors = {1, 2};
  config.rope.attention_factor = 0.5;
  const std::vector<float> table = RopeTable(config, 9);
  EXPECT_NEAR(table[8 * 4], 0.5 * std::cos(2.0), 1e-7);  // position 8, pair 0: 8 / 4
  EXPECT_NEAR(table[8 * 4 + 3], 0.5 * std::sin(8.0 / 100 / 2 / 4), 1e-7);
}

// Pairs that turn often keep their frequency, slow ones are divided by the factor, all grow by 1 + 0.1
// ln(factor).
TEST(RopeTableTest, YarnKeepsFastPairsAndInterpolatesSlowOnes) {
  ModelConfig config = RopeOnly(64);
  config.rope.scaling = RopeScaling::kYarn;
  config.rope.factor = 8;
  config.rope.original_context = 4096;
  const std::vector<float> table = RopeTable(config, 2);
  const double growth = 1 + 0.1 * std::log(8.0);
  EXPECT_NEAR(table[64 + 1], growth * std::sin(1.0), 1e-6);  // position 1, pair 0
  const double slow = std::pow(10000.0, -62.0 / 64);
  EXPECT_NEAR(table[64 + 63], growth * std::sin(slow / 8), 1e-9);
}

}  // namespace
}  // namespace hekla::model
