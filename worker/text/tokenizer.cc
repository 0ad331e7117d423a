#include "worker/text/tokenizer.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"
#include "worker/text/byte_level_tokenizer.h"
#include "worker/text/sentencepiece_tokenizer.h"

namespace hekla::text {
namespace {

absl::Status Check(const Vocabulary& vocabulary) {
  const size_t size = vocabulary.pieces.size();
  if (size == 0 || size > static_cast<size_t>(std::numeric_limits<TokenId>::max() / 2)) {
    return absl::InvalidArgumentError(absl::StrCat("a vocabulary of ", size, " pieces"));
  }
  if (vocabulary.kinds.size() != size) {
    return absl::InvalidArgumentError(absl::StrCat(vocabulary.kinds.size(), " kinds for ", size, " pieces"));
  }
  auto check_id = [size](absl::string_view name, TokenId id, TokenId least) {
    if (id >= least && id < static_cast<int64_t>(size)) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(name, " id ", id, " is outside the ", size, " pieces"));
  };
  HEKLA_RETURN_IF_ERROR(check_id("BOS", vocabulary.bos, vocabulary.add_bos ? 0 : -1));
  HEKLA_RETURN_IF_ERROR(check_id("EOS", vocabulary.eos, vocabulary.add_eos ? 0 : -1));
  HEKLA_RETURN_IF_ERROR(check_id("unknown", vocabulary.unknown, -1));
  for (const TokenId id : vocabulary.end_of_generation) {
    HEKLA_RETURN_IF_ERROR(check_id("end-of-generation", id, 0));
  }
  if (!std::is_sorted(vocabulary.end_of_generation.begin(), vocabulary.end_of_generation.end())) {
    return absl::InvalidArgumentError("end-of-generation ids are not sorted");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> Tokenizer::Create(Vocabulary vocabulary) {
  HEKLA_RETURN_IF_ERROR(Check(vocabulary));
  switch (vocabulary.model) {
    case VocabularyModel::kSentencePieceBpe:
      return SentencePieceTokenizer::Create(std::move(vocabulary));
    case VocabularyModel::kByteLevelBpe:
      return ByteLevelTokenizer::Create(std::move(vocabulary));
  }
  return absl::InvalidArgumentError("unknown vocabulary model");
}

std::string Tokenizer::Decode(const std::vector<TokenId>& ids, bool special) const {
  std::string text;
  bool first = AddsSpacePrefix();
  for (const TokenId id : ids) {
    const std::string piece = Piece(id, special);
    if (piece.empty()) continue;
    text.append(piece, first && piece[0] == ' ' ? 1 : 0);
    first = false;
  }
  return text;
}

bool Tokenizer::AddsSpacePrefix() const {
  return vocabulary_.model == VocabularyModel::kSentencePieceBpe && vocabulary_.add_space_prefix;
}

bool Tokenizer::IsEndOfGeneration(TokenId id) const {
  return std::binary_search(vocabulary_.end_of_generation.begin(), vocabulary_.end_of_generation.end(), id);
}

}  // namespace hekla::text
