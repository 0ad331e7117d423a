#include "worker/text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/support/model/small_vocabularies.h"

namespace hekla::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::unique_ptr<Tokenizer> Make(Vocabulary vocabulary) {
  auto tokenizer = Tokenizer::Create(std::move(vocabulary));
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return *std::move(tokenizer);
}

TEST(SentencePieceTokenizer, MergesByScoreWithSpacePrefix) {
  const auto tokenizer = Make(test::SmallSentencePiece());
  // "_hello" at 273 is best; "_wo" 272, then "r" "l" "d": "or" would need the o that "_wo" took.
  EXPECT_THAT(tokenizer->Encode("hello world"), ElementsAre(1, 273, 272, 265, 262, 266));
  EXPECT_THAT(tokenizer->Encode("hello", {.add_special = false}), ElementsAre(273));
  EXPECT_THAT(tokenizer->Encode(""), ElementsAre(1));
  Vocabulary bare = test::SmallSentencePiece();
  bare.add_space_prefix = false;
  bare.add_eos = true;
  EXPECT_THAT(Make(bare)->Encode("hello"), ElementsAre(1, 270, 2));
}

TEST(SentencePieceTokenizer, FallsBackToBytes) {
  const auto tokenizer = Make(test::SmallSentencePiece());
  const EncodeOptions plain{.add_special = false};
  EXPECT_THAT(tokenizer->Encode("\xC3\xBC\n", plain), ElementsAre(259, 3 + 0xC3, 3 + 0xBC, 3 + '\n'));
  EXPECT_THAT(tokenizer->Encode("\xFF", plain), ElementsAre(259, 3 + 0xFF));
  EXPECT_EQ(tokenizer->Decode({259, 3 + 0xC3, 3 + 0xBC}), "\xC3\xBC");
}

TEST(SentencePieceTokenizer, SpecialPiecesAndDecoding) {
  const auto tokenizer = Make(test::SmallSentencePiece());
  EXPECT_THAT(tokenizer->Encode("he</s>he<tag>"), ElementsAre(1, 259, 267, 2, 259, 267, 275));
  const auto literal = tokenizer->Encode("</s>", {.add_special = false, .parse_special = false});
  EXPECT_THAT(literal, testing::Not(testing::Contains(2)));
  EXPECT_EQ(tokenizer->Decode(literal), "</s>");
  EXPECT_EQ(tokenizer->Decode({1, 273, 272, 2}), "hello wo");
  EXPECT_EQ(tokenizer->Decode({1, 273, 2}, true), "<s> hello</s>");
  EXPECT_EQ(tokenizer->Piece(-1), "");
  EXPECT_EQ(tokenizer->Piece(100000), "");
  EXPECT_TRUE(tokenizer->IsEndOfGeneration(2));
  EXPECT_FALSE(tokenizer->IsEndOfGeneration(1));
}

// With a piece that goes on after a space, words cannot be merged one by one.
TEST(SentencePieceTokenizer, MergesAcrossWordsWhereAPieceSaysSo) {
  Vocabulary vocabulary = test::SmallSentencePiece();
  vocabulary.pieces.push_back("hello\xE2\x96\x81");
  vocabulary.kinds.push_back(TokenKind::kNormal);
  vocabulary.scores.push_back(-100);
  const auto tokenizer = Make(vocabulary);
  EXPECT_THAT(tokenizer->Encode("hello w", {.add_special = false}), ElementsAre(273, 271));
  vocabulary.scores[276] = 100;
  EXPECT_THAT(Make(vocabulary)->Encode("hello w", {.add_special = false}), ElementsAre(259, 276, 264));
}

TEST(ByteLevelTokenizer, MergesByRankWithinWords) {
  const auto tokenizer = Make(test::SmallByteLevel());
  EXPECT_THAT(tokenizer->Encode("hello wll"), ElementsAre(258, 'o', 259, 257));
  EXPECT_THAT(tokenizer->Encode("\xF0\x9F\xFF"), ElementsAre(0xF0, 0x9F, 0xFF));
  EXPECT_THAT(tokenizer->Encode("he<|end|>he<tag>"), ElementsAre(256, 260, 256, 261));
  EXPECT_EQ(tokenizer->Decode({258, 'o', 259, 260, 261}), "hello w<tag>");
  EXPECT_EQ(tokenizer->Decode({258, 260}, true), "hell<|end|>");
}

TEST(ByteLevelTokenizer, MergesThatMakeNoPieceFallBackToBytes) {
  Vocabulary vocabulary = test::SmallByteLevel();
  vocabulary.merges.push_back("o o");
  EXPECT_THAT(Make(vocabulary)->Encode("oo"), ElementsAre('o', 'o'));
  vocabulary.pieces['x'] = "[unused]";  // no piece for the byte x
  EXPECT_THAT(Make(vocabulary)->Encode("axb"), ElementsAre('a', 'b'));
  vocabulary.unknown = 260;
  EXPECT_THAT(Make(vocabulary)->Encode("axb"), ElementsAre('a', 260, 'b'));
}

TEST(ByteLevelTokenizer, WholeWordsComeBeforeMerges) {
  Vocabulary vocabulary = test::SmallByteLevel();
  vocabulary.pieces.push_back("hello");  // no merge makes it
  vocabulary.kinds.push_back(TokenKind::kNormal);
  EXPECT_THAT(Make(vocabulary)->Encode("hello"), ElementsAre(258, 'o'));
  vocabulary.pre_tokenizer = "llama-bpe";
  EXPECT_THAT(Make(vocabulary)->Encode("hello"), ElementsAre(262));
}

struct Inconsistent {
  const char* name;
  std::function<void(Vocabulary*)> damage;
  const char* message;
};

class InconsistentVocabulary : public testing::TestWithParam<Inconsistent> {};

TEST_P(InconsistentVocabulary, IsRefused) {
  Vocabulary vocabulary = test::SmallSentencePiece();
  GetParam().damage(&vocabulary);
  const absl::Status status = Tokenizer::Create(vocabulary).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, InconsistentVocabulary,
    testing::Values(Inconsistent{"empty", [](Vocabulary* v) { *v = Vocabulary(); }, "0 pieces"},
                    Inconsistent{"kinds", [](Vocabulary* v) { v->kinds.pop_back(); }, "kinds"},
                    Inconsistent{"scores", [](Vocabulary* v) { v->scores.pop_back(); }, "scores"},
                    Inconsistent{"bos", [](Vocabulary* v) { v->bos = 10000; }, "BOS id 10000"},
                    Inconsistent{"no_bos", [](Vocabulary* v) { v->bos = -1; }, "BOS id -1"},
                    Inconsistent{"ends", [](Vocabulary* v) { v->end_of_generation = {-1}; },
                                 "end-of-generation"},
                    Inconsistent{"order",
                                 [](Vocabulary* v) {
                                   v->end_of_generation = {2, 1};
                                 },
                                 "sorted"},
                    Inconsistent{"bytes",
                                 [](Vocabulary* v) {
                                   v->unknown = -1;
                                   v->kinds[3] = TokenKind::kNormal;
                                 },
                                 "byte pieces"},
                    Inconsistent{"merge",
                                 [](Vocabulary* v) {
                                   *v = test::SmallByteLevel();
                                   v->merges.push_back("nospace");
                                 },
                                 "merge 4"}),
    [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace hekla::text
