#include "worker/model/vocabulary_loader.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"

namespace hekla::model {
namespace {

using text::TokenId;
using text::TokenKind;
using text::Vocabulary;
using text::VocabularyModel;

constexpr size_t kMaxPieces = 1 << 24;

// Pieces that end a turn in known chat formats; they count where the file marks them control or user-defined.
constexpr const char* kTurnEnds[] = {
    "</s>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<end_of_turn>",
    "<EOT>",
    "_<EOT>",
    "<|return|>",
    "<|call|>",
    "<|EOT|>",
    "<\xEF\xBD\x9C"
    "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>",
};

// Pre-tokenizers of the llama 3 family put BOS first where the file does not say.
bool AddsBosByDefault(const Vocabulary& vocabulary) {
  if (vocabulary.model == VocabularyModel::kSentencePieceBpe) return true;
  const std::string& pre = vocabulary.pre_tokenizer;
  return vocabulary.bos >= 0 && (pre == "llama-bpe" || pre == "llama3" || pre == "llama-v3");
}

// The id under `key`, `fallback` if the key is absent; checked against the number of pieces.
absl::StatusOr<TokenId> ReadId(const Gguf& file, absl::string_view key, size_t pieces, TokenId fallback) {
  if (!file.Has(key)) return fallback < static_cast<int64_t>(pieces) ? fallback : -1;
  HEKLA_ASSIGN_OR_RETURN(const uint64_t id, file.GetUint(key));
  if (id == std::numeric_limits<uint32_t>::max()) return -1;  // writers store "none" so
  if (id >= pieces) {
    return absl::DataLossError(
        absl::StrCat("key ", key, ": id ", id, " is outside the vocabulary of ", pieces, " pieces"));
  }
  return static_cast<TokenId>(id);
}

absl::StatusOr<bool> ReadBool(const Gguf& file, absl::string_view key, bool fallback) {
  if (!file.Has(key)) return fallback;
  return file.GetBool(key);
}

absl::Status CheckLength(absl::string_view key, size_t length, size_t pieces) {
  if (length == pieces) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("key ", key, ": ", length, " elements for ", pieces, " pieces"));
}

absl::Status ReadPieces(const Gguf& file, Vocabulary* vocabulary) {
  constexpr absl::string_view kTokens = "tokenizer.ggml.tokens", kTypes = "tokenizer.ggml.token_type",
                              kScores = "tokenizer.ggml.scores", kMerges = "tokenizer.ggml.merges";
  HEKLA_ASSIGN_OR_RETURN(vocabulary->pieces, file.GetStringArray(kTokens));
  const size_t pieces = vocabulary->pieces.size();
  if (pieces == 0 || pieces > kMaxPieces) {
    return absl::DataLossError(
        absl::StrCat("key ", kTokens, ": ", pieces, " pieces, must be 1 to ", kMaxPieces));
  }
  vocabulary->kinds.assign(pieces, TokenKind::kNormal);
  if (file.Has(kTypes)) {
    HEKLA_ASSIGN_OR_RETURN(const std::vector<int64_t> types, file.GetIntArray(kTypes));
    HEKLA_RETURN_IF_ERROR(CheckLength(kTypes, types.size(), pieces));
    for (size_t i = 0; i < pieces; ++i) {
      if (types[i] < 0 || types[i] > 6) {
        return absl::DataLossError(
            absl::StrCat("key ", kTypes, ": element ", i, " is ", types[i], ", must be 0 to 6"));
      }
      if (types[i] > 0) vocabulary->kinds[i] = static_cast<TokenKind>(types[i]);
    }
  }
  if (vocabulary->model == VocabularyModel::kSentencePieceBpe) {
    HEKLA_ASSIGN_OR_RETURN(vocabulary->scores, file.GetFloatArray(kScores));
    return CheckLength(kScores, vocabulary->scores.size(), pieces);
  }
  HEKLA_ASSIGN_OR_RETURN(vocabulary->merges, file.GetStringArray(kMerges));
  if (vocabulary->merges.size() > kMaxPieces) {
    return absl::DataLossError(
        absl::StrCat("key ", kMerges, ": ", vocabulary->merges.size(), " merges, limit ", kMaxPieces));
  }
  return absl::OkStatus();
}

absl::Status ReadSpecialIds(const Gguf& file, Vocabulary* vocabulary) {
  const size_t pieces = vocabulary->pieces.size();
  const bool sentence_piece = vocabulary->model == VocabularyModel::kSentencePieceBpe;
  auto read = [&](absl::string_view name, TokenId fallback) {
    return ReadId(file, absl::StrCat("tokenizer.ggml.", name, "_token_id"), pieces, fallback);
  };
  // SentencePiece's own ids where the file names none.
  HEKLA_ASSIGN_OR_RETURN(vocabulary->bos, read("bos", sentence_piece ? 1 : -1));
  HEKLA_ASSIGN_OR_RETURN(vocabulary->eos, read("eos", sentence_piece ? 2 : -1));
  HEKLA_ASSIGN_OR_RETURN(vocabulary->unknown, read("unknown", sentence_piece ? 0 : -1));
  HEKLA_ASSIGN_OR_RETURN(const TokenId end_of_turn, read("eot", -1));
  HEKLA_ASSIGN_OR_RETURN(const TokenId end_of_message, read("eom", -1));

  std::vector<TokenId>& ends = vocabulary->end_of_generation;
  for (const TokenId id : {vocabulary->eos, end_of_turn, end_of_message}) {
    if (id >= 0) ends.push_back(id);
  }
  for (size_t i = 0; i < pieces; ++i) {
    const TokenKind kind = vocabulary->kinds[i];
    if (kind != TokenKind::kControl && kind != TokenKind::kUserDefined) continue;
    if (std::find(std::begin(kTurnEnds), std::end(kTurnEnds), vocabulary->pieces[i]) != std::end(kTurnEnds)) {
      ends.push_back(static_cast<TokenId>(i));
    }
  }
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Vocabulary> LoadVocabulary(const Gguf& file) {
  HEKLA_ASSIGN_OR_RETURN(const std::string model, file.GetString("tokenizer.ggml.model"));
  Vocabulary vocabulary;
  if (model == "llama") {
    vocabulary.model = VocabularyModel::kSentencePieceBpe;
  } else if (model == "gpt2") {
    vocabulary.model = VocabularyModel::kByteLevelBpe;
  } else {
    return absl::UnimplementedError(absl::StrCat("key tokenizer.ggml.model: tokenizer model \"",
                                                 absl::CHexEscape(model.substr(0, 80)),
                                                 "\" is not supported (\"llama\" and \"gpt2\" are)"));
  }
  vocabulary.pre_tokenizer = "default";
  if (file.Has("tokenizer.ggml.pre")) {
    HEKLA_ASSIGN_OR_RETURN(vocabulary.pre_tokenizer, file.GetString("tokenizer.ggml.pre"));
  }
  HEKLA_RETURN_IF_ERROR(ReadPieces(file, &vocabulary));
  HEKLA_RETURN_IF_ERROR(ReadSpecialIds(file, &vocabulary));
  HEKLA_ASSIGN_OR_RETURN(vocabulary.add_bos,
                         ReadBool(file, "tokenizer.ggml.add_bos_token", AddsBosByDefault(vocabulary)));
  HEKLA_ASSIGN_OR_RETURN(vocabulary.add_eos, ReadBool(file, "tokenizer.ggml.add_eos_token", false));
  HEKLA_ASSIGN_OR_RETURN(vocabulary.add_space_prefix,
                         ReadBool(file, "tokenizer.ggml.add_space_prefix", true));
  for (const auto& [wanted, id, key] : {std::tuple(vocabulary.add_bos, vocabulary.bos, "bos"),
                                        std::tuple(vocabulary.add_eos, vocabulary.eos, "eos")}) {
    if (!wanted || id >= 0) continue;
    return absl::DataLossError(absl::StrCat("key tokenizer.ggml.add_", key,
                                            "_token is true, but the file names no ", key, "_token_id"));
  }
  return vocabulary;
}

}  // namespace hekla::model
