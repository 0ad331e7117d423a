#include "worker/text/detokenizer.h"

#include "worker/text/utf8.h"

namespace hekla::text {

std::string Detokenizer::Push(TokenId id) {
  const std::string piece = tokenizer_->Piece(id);
  if (piece.empty()) return "";
  held_.append(piece, first_ && tokenizer_->AddsSpacePrefix() && piece[0] == ' ' ? 1 : 0);
  first_ = false;

  std::string out;
  absl::string_view rest = held_;
  while (!rest.empty()) {
    const Utf8Character character = FirstUtf8(rest);
    if (character.cut_off) break;
    AppendUtf8(character.valid ? character.code : 0xFFFD, &out);
    rest.remove_prefix(character.bytes);
  }
  held_.erase(0, held_.size() - rest.size());
  return out;
}

std::string Detokenizer::Flush(std::string* trailing) {
  if (trailing != nullptr) *trailing = held_;
  std::string out = RepairUtf8(held_);
  held_.clear();
  return out;
}

}  // namespace hekla::text
