// A vocabulary as plain data, however it was stored. Immutable after it is filled; shared by tokenizer and
// detokenizer.
#ifndef HEKLA_WORKER_TEXT_VOCABULARY_H_
#define HEKLA_WORKER_TEXT_VOCABULARY_H_

#include <cstdint>
#include <string>
#include <vector>

namespace hekla::text {

using TokenId = int32_t;

enum class TokenKind : uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};
enum class VocabularyModel { kSentencePieceBpe, kByteLevelBpe };

struct Vocabulary {
  VocabularyModel model = VocabularyModel::kSentencePieceBpe;
  std::string pre_tokenizer;                 // "default", "gpt-2", "llama-bpe", "qwen2", ...
  std::vector<std::string> pieces;           // by id; byte-level pieces in GPT-2's printable alphabet
  std::vector<float> scores;                 // SentencePiece; empty or one a piece
  std::vector<TokenKind> kinds;              // one a piece
  std::vector<std::string> merges;           // byte-level: "left right" by rank
  TokenId bos = -1, eos = -1, unknown = -1;  // -1 = none
  std::vector<TokenId> end_of_generation;    // eos, eot and the pieces known to end a turn; sorted
  bool add_bos = false, add_eos = false;
  bool add_space_prefix = true;  // SentencePiece
};

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_VOCABULARY_H_
