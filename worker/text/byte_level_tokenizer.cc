#include "worker/text/byte_level_tokenizer.h"

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"
#include "worker/text/symbol_merge.h"
#include "worker/text/utf8.h"

namespace hekla::text {
namespace {

// GPT-2's alphabet: printable Latin-1 bytes stand for themselves, the others for U+0100 and up in byte order.
struct Alphabet {
  std::array<std::string, 256> written;  // by byte
  absl::flat_hash_map<char32_t, uint8_t> bytes;
};

const Alphabet& PrintableAlphabet() {
  static const Alphabet* alphabet = [] {
    auto* made = new Alphabet;
    char32_t next = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
      const bool itself = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
      const char32_t code = itself ? static_cast<char32_t>(byte) : next++;
      AppendUtf8(code, &made->written[byte]);
      made->bytes[code] = static_cast<uint8_t>(byte);
    }
    return made;
  }();
  return *alphabet;
}

uint64_t PairKey(int32_t left, int32_t right) {
  return static_cast<uint64_t>(left) << 32 | static_cast<uint32_t>(right);
}

}  // namespace

ByteLevelTokenizer::ByteLevelTokenizer(Vocabulary vocabulary, PreTokenizer pre_tokenizer)
    : Tokenizer(std::move(vocabulary)), pre_tokenizer_(std::move(pre_tokenizer)), special_(vocabulary_) {
  symbol_count_ = static_cast<int32_t>(vocabulary_.pieces.size());
  for (int32_t id = 0; id < symbol_count_; ++id) {
    const TokenKind kind = vocabulary_.kinds[id];
    if (kind == TokenKind::kControl || kind == TokenKind::kUnknown) continue;
    symbols_[vocabulary_.pieces[id]] = id;
  }
  for (int byte = 0; byte < 256; ++byte) byte_symbols_[byte] = Intern(PrintableAlphabet().written[byte]);
}

int32_t ByteLevelTokenizer::Intern(const std::string& text) {
  const auto [entry, added] = symbols_.try_emplace(text, symbol_count_);
  if (added) ++symbol_count_;
  return entry->second;
}

absl::Status ByteLevelTokenizer::AddMerges() {
  merges_.reserve(vocabulary_.merges.size());
  for (size_t rank = 0; rank < vocabulary_.merges.size(); ++rank) {
    const std::string& merge = vocabulary_.merges[rank];
    const size_t space = merge.find(' ', 1);
    if (space == std::string::npos || space + 1 == merge.size()) {
      return absl::InvalidArgumentError(absl::StrCat("merge ", rank, " is not of the form \"left right\""));
    }
    const std::string left = merge.substr(0, space), right = merge.substr(space + 1);
    const int32_t left_symbol = Intern(left), right_symbol = Intern(right);
    merges_.try_emplace(PairKey(left_symbol, right_symbol),
                        RankedMerge{static_cast<int32_t>(rank), Intern(left + right)});
  }
  vocabulary_.merges = {};  // held in merges_ from here on
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Tokenizer>> ByteLevelTokenizer::Create(Vocabulary vocabulary) {
  HEKLA_ASSIGN_OR_RETURN(PreTokenizer pre_tokenizer, PreTokenizer::Create(vocabulary.pre_tokenizer));
  auto tokenizer = absl::WrapUnique(new ByteLevelTokenizer(std::move(vocabulary), std::move(pre_tokenizer)));
  HEKLA_RETURN_IF_ERROR(tokenizer->AddMerges());
  return tokenizer;
}

std::vector<TokenId> ByteLevelTokenizer::Encode(absl::string_view text, const EncodeOptions& options) const {
  std::vector<TokenId> ids;
  if (options.add_special && vocabulary_.add_bos) ids.push_back(vocabulary_.bos);
  for (const Fragment& fragment : special_.Split(text, options.parse_special)) {
    if (fragment.id >= 0) {
      ids.push_back(fragment.id);
      continue;
    }
    for (const absl::string_view word : pre_tokenizer_.Split(fragment.text)) EncodeWord(word, &ids);
  }
  if (options.add_special && vocabulary_.add_eos) ids.push_back(vocabulary_.eos);
  return ids;
}

void ByteLevelTokenizer::EncodeWord(absl::string_view word, std::vector<TokenId>* ids) const {
  const auto pieces = static_cast<int32_t>(vocabulary_.pieces.size());
  if (pre_tokenizer_.whole_words()) {
    std::string written;
    for (const char byte : word) written += PrintableAlphabet().written[static_cast<uint8_t>(byte)];
    const auto found = symbols_.find(written);
    if (found != symbols_.end() && found->second < pieces) {
      ids->push_back(found->second);
      return;
    }
  }
  std::vector<Symbol> symbols(word.size());
  for (size_t i = 0; i < word.size(); ++i) {
    symbols[i].begin = static_cast<uint32_t>(i);
    symbols[i].length = 1;
    symbols[i].id = byte_symbols_[static_cast<uint8_t>(word[i])];
  }
  MergeSymbols(symbols, [&](const Symbol& left, const Symbol& right, Merge* merge) {
    const auto found = merges_.find(PairKey(left.id, right.id));
    if (found == merges_.end()) return false;
    merge->priority = found->second.rank;
    merge->id = found->second.symbol;
    return true;
  });
  for (const Symbol& symbol : symbols) {
    if (symbol.length == 0) continue;
    if (symbol.id < pieces) {
      ids->push_back(symbol.id);
      continue;
    }
    // A merge that made no piece: its bytes. A byte without a piece is the unknown one, or nothing.
    for (const char byte : word.substr(symbol.begin, symbol.length)) {
      const int32_t id = byte_symbols_[static_cast<uint8_t>(byte)];
      if (id < pieces) {
        ids->push_back(id);
      } else if (vocabulary_.unknown >= 0) {
        ids->push_back(vocabulary_.unknown);
      }
    }
  }
}

std::string ByteLevelTokenizer::Piece(TokenId id, bool special) const {
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
    case TokenKind::kByte:
    case TokenKind::kNormal:
      break;
  }
  const auto& bytes = PrintableAlphabet().bytes;
  std::string out;
  for (absl::string_view rest = piece; !rest.empty();) {
    const Utf8Character character = FirstUtf8(rest);
    const auto found = bytes.find(character.code);
    if (character.valid && found != bytes.end()) {
      out.push_back(static_cast<char>(found->second));
    } else {
      absl::StrAppend(&out, rest.substr(0, character.bytes));
    }
    rest.remove_prefix(character.bytes);
  }
  return out;
}

}  // namespace hekla::text
