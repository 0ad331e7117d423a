// The tiny models of tests/data with their tokens and float64 logits.
#ifndef HEKLA_TESTS_SUPPORT_GOLDEN_MODEL_H_
#define HEKLA_TESTS_SUPPORT_GOLDEN_MODEL_H_

#include <cmath>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "worker/model/plan.h"

namespace hekla::test {

inline const std::vector<std::string>& GoldenModelNames() {
  static const auto* names =
      new std::vector<std::string>{"llama-plain", "llama-biases", "llama-k-quants", "qwen2", "qwen3"};
  return *names;
}

inline std::string GoldenPath(const std::string& file) {
  return std::string(HEKLA_SOURCE_DIR) + "/tests/data/" + file;
}

inline std::vector<int> GoldenTokens() {
  std::ifstream in(GoldenPath("golden_tokens.txt"));
  std::vector<int> tokens;
  for (std::string word; std::getline(in, word, ',');) tokens.push_back(std::stoi(word));
  return tokens;
}

// [tokens][vocabulary]
inline std::vector<float> GoldenLogits(const std::string& name) {
  std::ifstream in(GoldenPath(name + ".logits.f32"), std::ios::binary | std::ios::ate);
  std::vector<float> logits(size_t(in.tellg()) / sizeof(float));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(logits.data()), logits.size() * sizeof(float));
  return logits;
}

// |a - b| / |b|
inline double RelativeError(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    difference += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
    size += double(b[i]) * b[i];
  }
  return std::sqrt(difference / size);
}

struct GoldenModel {
  std::unique_ptr<model::Gguf> file;
  model::Plan plan;

  explicit GoldenModel(const std::string& name) {
    auto opened = model::Gguf::Open(GoldenPath(name + ".gguf"));
    EXPECT_TRUE(opened.ok()) << opened.status();
    file = *std::move(opened);
    auto built = model::BuildPlan(*file);
    EXPECT_TRUE(built.ok()) << built.status();
    plan = *std::move(built);
  }
};

}  // namespace hekla::test

#endif  // HEKLA_TESTS_SUPPORT_GOLDEN_MODEL_H_
