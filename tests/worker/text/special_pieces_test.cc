#include "worker/text/special_pieces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace hekla::text {
namespace {

using testing::ElementsAre;

Vocabulary Pieces(const std::vector<std::pair<std::string, TokenKind>>& pieces) {
  Vocabulary vocabulary;
  for (const auto& [piece, kind] : pieces) {
    vocabulary.pieces.push_back(piece);
    vocabulary.kinds.push_back(kind);
  }
  return vocabulary;
}

// "text" for text, "text=id" for a piece.
std::vector<std::string> Split(const Vocabulary& vocabulary, absl::string_view text, bool control = true) {
  std::vector<std::string> out;
  for (const Fragment& fragment : SpecialPieces(vocabulary).Split(text, control)) {
    out.push_back(fragment.id < 0 ? std::string(fragment.text)
                                  : absl::StrCat(fragment.text, "=", fragment.id));
  }
  return out;
}

TEST(SpecialPieces, CutsThemOut) {
  const Vocabulary vocabulary = Pieces({{"normal", TokenKind::kNormal},
                                        {"<s>", TokenKind::kControl},
                                        {"<tag>", TokenKind::kUserDefined},
                                        {"<unk>", TokenKind::kUnknown},
                                        {"", TokenKind::kControl}});
  EXPECT_THAT(Split(vocabulary, "normal<s>b<tag><tag><unk>"),
              ElementsAre("normal", "<s>=1", "b", "<tag>=2", "<tag>=2", "<unk>=3"));
  EXPECT_THAT(Split(vocabulary, "a<s>b<tag>", false), ElementsAre("a<s>b", "<tag>=2"));
  EXPECT_THAT(Split(vocabulary, ""), ElementsAre());
  EXPECT_THAT(Split(vocabulary, "<s"), ElementsAre("<s"));
}

TEST(SpecialPieces, LongerPiecesTakeTheirMatchesFirst) {
  const Vocabulary vocabulary = Pieces({{"ab", TokenKind::kControl}, {"bcd", TokenKind::kControl}});
  EXPECT_THAT(Split(vocabulary, "abcd"), ElementsAre("a", "bcd=1"));  // though "ab" begins earlier
  EXPECT_THAT(Split(vocabulary, "abcabcd"), ElementsAre("ab=0", "ca", "bcd=1"));
  const Vocabulary spaces = Pieces({{"\n", TokenKind::kUserDefined}, {"\n\n", TokenKind::kUserDefined}});
  EXPECT_THAT(Split(spaces, "\n\n\n"), ElementsAre("\n\n=1", "\n=0"));
}

}  // namespace
}  // namespace hekla::text
