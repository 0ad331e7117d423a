#include "worker/text/sentencepiece_tokenizer.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "worker/text/symbol_merge.h"
#include "worker/text/utf8.h"

namespace hekla::text {
namespace {

constexpr absl::string_view kSpace = "\xE2\x96\x81";  // U+2581

// The byte that a piece like "<0x0A>" stands for; -1 if it is none.
int ByteOfPiece(absl::string_view piece) {
  uint32_t byte;
  if (piece.size() != 6 || !absl::StartsWith(piece, "<0x") || piece[5] != '>') return -1;
  return absl::SimpleHexAtoi(piece.substr(1, 4), &byte) ? static_cast<int>(byte) : -1;
}

// Whether U+2581 stands in `piece` after something else.
bool SpaceAfterText(absl::string_view piece) {
  while (absl::StartsWith(piece, kSpace)) piece.remove_prefix(kSpace.size());
  return absl::StrContains(piece, kSpace);
}

}  // namespace

SentencePieceTokenizer::SentencePieceTokenizer(Vocabulary vocabulary)
    : Tokenizer(std::move(vocabulary)), special_(vocabulary_) {
  byte_ids_.fill(-1);
  for (size_t i = 0; i < vocabulary_.pieces.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const std::string& piece = vocabulary_.pieces[i];
    switch (vocabulary_.kinds[i]) {
      case TokenKind::kByte:
        if (const int byte = ByteOfPiece(piece); byte >= 0) byte_ids_[byte] = id;
        break;
      case TokenKind::kNormal:
      case TokenKind::kUserDefined:
      case TokenKind::kUnused:
        if (piece.empty()) break;
        ids_[piece] = id;
        words_merge_ = words_merge_ || SpaceAfterText(piece);
        break;
      case TokenKind::kUnknown:
      case TokenKind::kControl:
        break;
    }
  }
}

absl::StatusOr<std::unique_ptr<Tokenizer>> SentencePieceTokenizer::Create(Vocabulary vocabulary) {
  if (vocabulary.scores.size() != vocabulary.pieces.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(vocabulary.scores.size(), " scores for ", vocabulary.pieces.size(), " pieces"));
  }
  auto tokenizer = absl::WrapUnique(new SentencePieceTokenizer(std::move(vocabulary)));
  const auto& bytes = tokenizer->byte_ids_;
  if (tokenizer->vocabulary_.unknown < 0 && std::find(bytes.begin(), bytes.end(), -1) != bytes.end()) {
    return absl::InvalidArgumentError("neither an unknown piece nor all 256 byte pieces");
  }
  return tokenizer;
}

std::vector<TokenId> SentencePieceTokenizer::Encode(absl::string_view text,
                                                    const EncodeOptions& options) const {
  std::vector<TokenId> ids;
  if (options.add_special && vocabulary_.add_bos) ids.push_back(vocabulary_.bos);
  bool after_special = true;  // the beginning counts as one
  for (const Fragment& fragment : special_.Split(text, options.parse_special)) {
    if (fragment.id >= 0) {
      ids.push_back(fragment.id);
    } else {
      const bool prefix = vocabulary_.add_space_prefix && after_special;
      EncodeText(absl::StrReplaceAll(absl::StrCat(prefix ? " " : "", fragment.text), {{" ", kSpace}}), &ids);
    }
    after_special = fragment.id >= 0;
  }
  if (options.add_special && vocabulary_.add_eos) ids.push_back(vocabulary_.eos);
  return ids;
}

// Where no piece has a space after text, nothing merges across the end of a word: words are merged one by
// one, which is the same and keeps the heap small.
void SentencePieceTokenizer::EncodeText(absl::string_view escaped, std::vector<TokenId>* ids) const {
  if (words_merge_) return EncodeStretch(escaped, ids);
  while (!escaped.empty()) {
    size_t end = 0;
    while (absl::StartsWith(escaped.substr(end), kSpace)) end += kSpace.size();
    end = std::min(escaped.find(kSpace, end), escaped.size());
    EncodeStretch(escaped.substr(0, end), ids);
    escaped.remove_prefix(end);
  }
}

void SentencePieceTokenizer::EncodeStretch(absl::string_view stretch, std::vector<TokenId>* ids) const {
  std::vector<Symbol> symbols;
  symbols.reserve(stretch.size());
  for (size_t at = 0; at < stretch.size();) {
    const size_t bytes = FirstUtf8(stretch.substr(at)).bytes;
    const auto found = ids_.find(stretch.substr(at, bytes));
    symbols.push_back({.begin = static_cast<uint32_t>(at),
                       .length = static_cast<uint32_t>(bytes),
                       .id = found == ids_.end() ? -1 : found->second});
    at += bytes;
  }
  MergeSymbols(symbols, [&](const Symbol& left, const Symbol& right, Merge* merge) {
    const auto found = ids_.find(stretch.substr(left.begin, left.length + right.length));
    if (found == ids_.end()) return false;
    merge->id = found->second;
    merge->priority = -static_cast<double>(vocabulary_.scores[found->second]);
    return true;
  });
  for (const Symbol& symbol : symbols) {
    if (symbol.length == 0) continue;
    if (symbol.id >= 0) {
      ids->push_back(symbol.id);
      continue;
    }
    for (const char byte : stretch.substr(symbol.begin, symbol.length)) {
      const TokenId id = byte_ids_[static_cast<uint8_t>(byte)];
      ids->push_back(id >= 0 ? id : vocabulary_.unknown);
    }
  }
}

std::string SentencePieceTokenizer::Piece(TokenId id, bool special) const {
  if (id < 0 || static_cast<size_t>(id) >= vocabulary_.pieces.size()) return "";
  const std::string& piece = vocabulary_.pieces[id];
  switch (vocabulary_.kinds[id]) {
    case TokenKind::kControl:
    case TokenKind::kUnknown:
      return special ? piece : "";
    case TokenKind::kUserDefined:
      return piece;
    case TokenKind::kUnused:
      return "";
    case TokenKind::kByte: {
      const int byte = ByteOfPiece(piece);
      return byte >= 0 ? std::string(1, static_cast<char>(byte)) : "";
    }
    case TokenKind::kNormal:
      return absl::StrReplaceAll(piece, {{kSpace, " "}});
  }
  return "";
}

}  // namespace hekla::text
