// llama.cpp's own tokenizer cases: NAME.gguf, NAME.gguf.inp (texts separated by a marker line) and
// NAME.gguf.out (ids, a line a text, without BOS) in the folder HEKLA_VOCAB_DIR.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "worker/model/gguf.h"
#include "worker/model/vocabulary_loader.h"
#include "worker/text/detokenizer.h"
#include "worker/text/tokenizer.h"

namespace hekla::text {
namespace {

constexpr size_t kCases = 46;

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

class VocabularyCases : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("HEKLA_VOCAB_DIR");
    if (folder == nullptr) GTEST_SKIP() << "HEKLA_VOCAB_DIR names no folder of tokenizer cases";
    path_ = absl::StrCat(folder, "/ggml-vocab-", GetParam(), ".gguf");
    auto file = model::Gguf::Open(path_);
    ASSERT_TRUE(file.ok()) << file.status();
    auto vocabulary = model::LoadVocabulary(**file);
    ASSERT_TRUE(vocabulary.ok()) << vocabulary.status();
    auto tokenizer = Tokenizer::Create(*std::move(vocabulary));
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    tokenizer_ = *std::move(tokenizer);
    texts_ = absl::StrSplit(ReadFile(path_ + ".inp"), "\n__ggml_vocab_test__\n");
    if (!texts_.empty() && texts_.back().empty()) texts_.pop_back();  // the marker ends the file
  }

  std::string path_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::vector<std::string> texts_;
};

TEST_P(VocabularyCases, IdsAreExact) {
  const std::vector<std::string> lines = absl::StrSplit(ReadFile(path_ + ".out"), '\n');
  ASSERT_EQ(texts_.size(), kCases);
  ASSERT_GE(lines.size(), kCases);
  for (size_t i = 0; i < kCases; ++i) {
    std::vector<TokenId> expected;
    for (const absl::string_view word : absl::StrSplit(lines[i], ' ', absl::SkipEmpty())) {
      TokenId id;
      ASSERT_TRUE(absl::SimpleAtoi(word, &id)) << lines[i];
      expected.push_back(id);
    }
    EXPECT_EQ(tokenizer_->Encode(texts_[i], {.add_special = false, .parse_special = false}), expected)
        << "case " << i << ": " << testing::PrintToString(texts_[i]);
  }
}

TEST_P(VocabularyCases, DecodingGivesTheTextBack) {
  for (const std::string& text : texts_) {
    const std::vector<TokenId> ids = tokenizer_->Encode(text);
    EXPECT_EQ(tokenizer_->Decode(ids), text);
    Detokenizer detokenizer(tokenizer_.get(), /*continues=*/false);
    std::string streamed;
    for (const TokenId id : ids) streamed += detokenizer.Push(id);
    EXPECT_EQ(streamed + detokenizer.Flush(), text);
  }
}

// A megabyte of mixed text and a megabyte of one word: quadratic merging would take minutes. The bound is
// that wide.
TEST_P(VocabularyCases, LongTextsTakeNoQuadraticTime) {
  std::string mixed;
  while (mixed.size() < (1 << 20)) mixed += texts_.back();
  for (const std::string& text : {mixed, std::string(1 << 20, 'a'), std::string(1 << 20, ' ')}) {
    const auto begin = std::chrono::steady_clock::now();
    const std::vector<TokenId> ids = tokenizer_->Encode(text);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    EXPECT_EQ(tokenizer_->Decode(ids), text);
    EXPECT_LT(took.count(), 30.0);
    RecordProperty(absl::StrCat("encode_", ids.size(), "_ids_ms"), static_cast<int>(took.count() * 1000));
  }
}

INSTANTIATE_TEST_SUITE_P(Files, VocabularyCases,
                         testing::Values("llama-spm", "gpt-2", "deepseek-coder", "phi-3"),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace hekla::text
