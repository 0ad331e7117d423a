// Byte-level BPE (GPT-2, llama 3, qwen): a pre-tokenizer cuts words, bytes are written in GPT-2's printable
// alphabet, and pairs are merged within a word by rank. Source: Radford et al. 2019 and its published
// encoder; whole-word pieces as llama.cpp's ignore_merges.
#ifndef HEKLA_WORKER_TEXT_BYTE_LEVEL_TOKENIZER_H_
#define HEKLA_WORKER_TEXT_BYTE_LEVEL_TOKENIZER_H_

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "worker/text/pre_tokenizer.h"
#include "worker/text/special_pieces.h"
#include "worker/text/tokenizer.h"

namespace hekla::text {

class ByteLevelTokenizer : public Tokenizer {
 public:
  // UNIMPLEMENTED: unknown pre-tokenizer. INVALID_ARGUMENT: a merge that is not "left right".
  static absl::StatusOr<std::unique_ptr<Tokenizer>> Create(Vocabulary vocabulary);

  std::vector<TokenId> Encode(absl::string_view text, const EncodeOptions& options) const override;
  std::string Piece(TokenId id, bool special) const override;

 private:
  // A symbol is a string that merges deal with: ids below pieces.size() are pieces, those above are none.
  struct RankedMerge {
    int32_t rank;
    int32_t symbol;
  };
  ByteLevelTokenizer(Vocabulary vocabulary, PreTokenizer pre_tokenizer);
  absl::Status AddMerges();
  int32_t Intern(const std::string& text);
  void EncodeWord(absl::string_view word, std::vector<TokenId>* ids) const;

  PreTokenizer pre_tokenizer_;
  SpecialPieces special_;
  absl::flat_hash_map<std::string, int32_t> symbols_;  // in the printable alphabet
  absl::flat_hash_map<uint64_t, RankedMerge> merges_;  // left << 32 | right
  std::array<int32_t, 256> byte_symbols_;
  int32_t symbol_count_ = 0;
};

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_BYTE_LEVEL_TOKENIZER_H_
