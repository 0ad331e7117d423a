#include "tests/support/model/small_vocabularies.h"

#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "worker/text/utf8.h"

namespace hekla::test {

using text::TokenKind;
using text::Vocabulary;

Vocabulary SmallSentencePiece() {
  Vocabulary vocabulary;
  vocabulary.model = text::VocabularyModel::kSentencePieceBpe;
  auto add = [&](const std::string& piece, float score, TokenKind kind) {
    vocabulary.pieces.push_back(absl::StrReplaceAll(piece, {{"_", "\xE2\x96\x81"}}));
    vocabulary.scores.push_back(score);
    vocabulary.kinds.push_back(kind);
  };
  add("<unk>", 0, TokenKind::kUnknown);
  add("<s>", 0, TokenKind::kControl);
  add("</s>", 0, TokenKind::kControl);
  for (int byte = 0; byte < 256; ++byte) add(absl::StrFormat("<0x%02X>", byte), 0, TokenKind::kByte);
  for (const char* letter : {"_", "h", "e", "l", "o", "w", "r", "d"}) add(letter, -100, TokenKind::kNormal);
  for (const char* piece : {"he", "ll", "hell", "hello", "_w", "_wo", "_hello"}) {
    add(piece, -20 + static_cast<float>(std::string(piece).size()), TokenKind::kNormal);
  }
  add("or", -50, TokenKind::kNormal);
  add("<tag>", 0, TokenKind::kUserDefined);
  vocabulary.unknown = 0;
  vocabulary.bos = 1;
  vocabulary.eos = 2;
  vocabulary.end_of_generation = {2};
  vocabulary.add_bos = true;
  return vocabulary;
}

Vocabulary SmallByteLevel() {
  Vocabulary vocabulary;
  vocabulary.model = text::VocabularyModel::kByteLevelBpe;
  vocabulary.pre_tokenizer = "gpt-2";
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool itself = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    text::AppendUtf8(itself ? static_cast<char32_t>(byte) : next++, &vocabulary.pieces.emplace_back());
  }
  const std::string space = vocabulary.pieces[' '];
  vocabulary.merges = {"h e", "l l", "he ll", space + " w"};
  for (const std::string& piece : {std::string("he"), std::string("ll"), std::string("hell"), space + "w"}) {
    vocabulary.pieces.push_back(piece);
  }
  vocabulary.kinds.assign(vocabulary.pieces.size(), TokenKind::kNormal);
  vocabulary.pieces.push_back("<|end|>");
  vocabulary.kinds.push_back(TokenKind::kControl);
  vocabulary.pieces.push_back("<tag>");
  vocabulary.kinds.push_back(TokenKind::kUserDefined);
  vocabulary.eos = 260;
  vocabulary.end_of_generation = {260};
  return vocabulary;
}

}  // namespace hekla::test
