#include "worker/model/vocabulary_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "tests/support/model/gguf_writer.h"
#include "tests/support/model/tiny_llama.h"

namespace hekla::model {
namespace {

using test::GgufWriter;
using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<text::Vocabulary> Load(const GgufWriter& writer) {
  test::TemporaryFile temporary(writer.Build());
  auto file = Gguf::Open(temporary.path());
  EXPECT_TRUE(file.ok()) << file.status();
  return LoadVocabulary(**file);
}

// A SentencePiece vocabulary of five pieces, without the keys named in `without`.
GgufWriter SentencePiece(const std::vector<std::string>& without = {}) {
  auto wanted = [&](const std::string& key) {
    return std::find(without.begin(), without.end(), key) == without.end();
  };
  GgufWriter writer;
  if (wanted("model")) writer.AddString("tokenizer.ggml.model", "llama");
  if (wanted("tokens")) {
    writer.AddStrings("tokenizer.ggml.tokens", {"<unk>", "<s>", "</s>", "a", "<|im_end|>"});
  }
  if (wanted("scores")) writer.AddF32s("tokenizer.ggml.scores", {0, 0, 0, -1, 0});
  if (wanted("token_type")) writer.AddI32s("tokenizer.ggml.token_type", {2, 3, 3, 1, 3});
  return writer;
}

TEST(VocabularyLoader, FillsInWhatSentencePieceTakesForGranted) {
  auto vocabulary = Load(SentencePiece());
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.status();
  EXPECT_EQ(vocabulary->model, text::VocabularyModel::kSentencePieceBpe);
  EXPECT_EQ(vocabulary->unknown, 0);
  EXPECT_EQ(vocabulary->bos, 1);
  EXPECT_EQ(vocabulary->eos, 2);
  EXPECT_TRUE(vocabulary->add_bos);
  EXPECT_FALSE(vocabulary->add_eos);
  EXPECT_TRUE(vocabulary->add_space_prefix);
  EXPECT_THAT(vocabulary->end_of_generation, ElementsAre(2, 4));
  EXPECT_EQ(vocabulary->kinds[3], text::TokenKind::kNormal);
}

TEST(VocabularyLoader, ReadsTheKeys) {
  GgufWriter writer = SentencePiece();
  writer.AddBool("tokenizer.ggml.add_bos_token", false).AddBool("tokenizer.ggml.add_eos_token", true);
  writer.AddBool("tokenizer.ggml.add_space_prefix", false).AddU32("tokenizer.ggml.eot_token_id", 3);
  auto vocabulary = Load(writer);
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.status();
  EXPECT_FALSE(vocabulary->add_bos);
  EXPECT_TRUE(vocabulary->add_eos);
  EXPECT_FALSE(vocabulary->add_space_prefix);
  EXPECT_THAT(vocabulary->end_of_generation, ElementsAre(2, 3, 4));
}

TEST(VocabularyLoader, TurnEndsCountOnlyAsControlPieces) {
  GgufWriter writer = SentencePiece({"token_type"});
  writer.AddI32s("tokenizer.ggml.token_type", {2, 3, 3, 1, 1});
  EXPECT_THAT(Load(writer)->end_of_generation, ElementsAre(2));
}

TEST(VocabularyLoader, ReadsByteLevel) {
  GgufWriter writer;
  test::AddTinyVocabulary(&writer);
  auto vocabulary = Load(writer);
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.status();
  EXPECT_EQ(vocabulary->model, text::VocabularyModel::kByteLevelBpe);
  EXPECT_EQ(vocabulary->pre_tokenizer, "gpt-2");
  EXPECT_EQ(vocabulary->pieces.size(), 262u);
  EXPECT_EQ(vocabulary->merges.size(), 4u);
  EXPECT_THAT(vocabulary->end_of_generation, ElementsAre(261));
}

struct Broken {
  const char* name;
  std::function<GgufWriter()> file;
  absl::StatusCode code;
  const char* message;
};

class BrokenVocabulary : public testing::TestWithParam<Broken> {};

TEST_P(BrokenVocabulary, IsRefused) {
  const absl::Status status = Load(GetParam().file()).status();
  EXPECT_EQ(status.code(), GetParam().code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().message));
}

constexpr absl::StatusCode kMissing = absl::StatusCode::kNotFound;
constexpr absl::StatusCode kDamaged = absl::StatusCode::kDataLoss;

INSTANTIATE_TEST_SUITE_P(
    All, BrokenVocabulary,
    testing::Values(
        Broken{"none", [] { return SentencePiece({"model"}); }, kMissing, "tokenizer.ggml.model"},
        Broken{"no_tokens", [] { return SentencePiece({"tokens"}); }, kMissing, "tokenizer.ggml.tokens"},
        Broken{"no_scores", [] { return SentencePiece({"scores"}); }, kMissing, "tokenizer.ggml.scores"},
        Broken{"rwkv", [] { return SentencePiece({"model"}).AddString("tokenizer.ggml.model", "rwkv\n"); },
               absl::StatusCode::kUnimplemented, "\"rwkv\\n\""},
        Broken{"scores_short",
               [] {
                 return SentencePiece({"scores"}).AddF32s("tokenizer.ggml.scores", {0, 0});
               },
               kDamaged, "2 elements for 5 pieces"},
        Broken{
            "scores_nan",
            [] {
              return SentencePiece({"scores"}).AddF32s("tokenizer.ggml.scores", {0, 0, std::nanf(""), 0, 0});
            },
            kDamaged, "not finite"},
        Broken{"types_short",
               [] {
                 return SentencePiece({"token_type"}).AddI32s("tokenizer.ggml.token_type", {1, 1, 1});
               },
               kDamaged, "3 elements for 5 pieces"},
        Broken{"types_are_floats",
               [] {
                 return SentencePiece({"token_type"}).AddF32s("tokenizer.ggml.token_type", {1, 1, 1, 1, 1});
               },
               kDamaged, "array of integers"},
        Broken{"type_7",
               [] {
                 return SentencePiece({"token_type"}).AddI32s("tokenizer.ggml.token_type", {1, 1, 7, 1, 1});
               },
               kDamaged, "element 2 is 7"},
        Broken{"bos", [] { return SentencePiece().AddU32("tokenizer.ggml.bos_token_id", 5); }, kDamaged,
               "bos_token_id: id 5"},
        Broken{"eot", [] { return SentencePiece().AddI32("tokenizer.ggml.eot_token_id", -2); }, kDamaged,
               "negative"},
        Broken{"bos_wanted",
               [] {
                 return SentencePiece()
                     .AddU32("tokenizer.ggml.bos_token_id", 0xFFFFFFFF)
                     .AddBool("tokenizer.ggml.add_bos_token", true);
               },
               kDamaged, "names no bos_token_id"},
        Broken{"empty", [] { return SentencePiece({"tokens"}).AddStrings("tokenizer.ggml.tokens", {}); },
               kDamaged, "0 pieces"}),
    [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace hekla::model
