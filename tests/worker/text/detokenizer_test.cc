#include "worker/text/detokenizer.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/model/small_vocabularies.h"
#include "worker/text/utf8.h"

namespace hekla::text {
namespace {

class DetokenizerTest : public testing::Test {
 protected:
  std::unique_ptr<Tokenizer> Make(Vocabulary vocabulary) {
    auto tokenizer = Tokenizer::Create(std::move(vocabulary));
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
    return *std::move(tokenizer);
  }
  std::unique_ptr<Tokenizer> bytes_ = Make(test::SmallByteLevel());
  std::unique_ptr<Tokenizer> pieces_ = Make(test::SmallSentencePiece());
};

TEST_F(DetokenizerTest, HoldsAnUnfinishedCharacter) {
  Detokenizer detokenizer(bytes_.get());
  EXPECT_EQ(detokenizer.Push(0xF0), "");
  EXPECT_EQ(detokenizer.Push(0x9F), "");
  EXPECT_EQ(detokenizer.Push(0x98), "");
  EXPECT_EQ(detokenizer.Push(0x80), "\xF0\x9F\x98\x80");
  EXPECT_EQ(detokenizer.Push(0xC3), "");
  EXPECT_EQ(detokenizer.Push('x'), "\xEF\xBF\xBDx");
  EXPECT_EQ(detokenizer.Push(0xE2), "");
  EXPECT_EQ(detokenizer.Push(0x96), "");
  std::string trailing;
  EXPECT_EQ(detokenizer.Flush(&trailing), "\xEF\xBF\xBD");
  EXPECT_EQ(trailing, "\xE2\x96");
  EXPECT_EQ(detokenizer.Flush(&trailing), "");
  EXPECT_EQ(trailing, "");
}

TEST_F(DetokenizerTest, TheFirstPieceKeepsItsSpaceOnlyAfterAPrompt) {
  Detokenizer after_prompt(pieces_.get());
  EXPECT_EQ(after_prompt.Push(273), " hello");
  Detokenizer from_start(pieces_.get(), /*continues=*/false);
  EXPECT_EQ(from_start.Push(1), "");
  EXPECT_EQ(from_start.Push(273), "hello");
  EXPECT_EQ(from_start.Push(272), " wo");
}

// Every delta is whole characters, at most 3 bytes are held, and all deltas together
// are the text.
TEST_F(DetokenizerTest, DeltasTogetherAreTheText) {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    for (const Tokenizer* tokenizer : {bytes_.get(), pieces_.get()}) {
      std::vector<TokenId> ids(random() % 60);
      for (TokenId& id : ids) {
        // Mostly bytes that begin or continue characters, so that some are whole and some are not.
        const TokenId first_byte = tokenizer == bytes_.get() ? 0 : 3;
        id = random() % 4 == 0 ? static_cast<TokenId>(random() % tokenizer->vocabulary().pieces.size())
                               : first_byte + 0x80 + static_cast<TokenId>(random() % 0x80);
      }
      Detokenizer detokenizer(tokenizer, /*continues=*/false);
      std::string all, raw;
      for (const TokenId id : ids) {
        const std::string delta = detokenizer.Push(id);
        ASSERT_TRUE(IsValidUtf8(delta)) << "seed " << seed;
        all += delta;
        raw += tokenizer->Piece(id);
        ASSERT_LE(RepairUtf8(raw).size(), all.size() + 1 + 3 * 3) << "seed " << seed;
      }
      std::string trailing;
      all += detokenizer.Flush(&trailing);
      ASSERT_LE(trailing.size(), 3u) << "seed " << seed;
      ASSERT_EQ(all, RepairUtf8(tokenizer->Decode(ids))) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace hekla::text
