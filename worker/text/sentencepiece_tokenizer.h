// SentencePiece BPE (llama, mistral, phi-3): spaces become U+2581, the pair whose joined piece has the best
// score is merged first, and what is in no piece falls back to byte pieces "<0x0A>". Source: SentencePiece's
// BPE model as llama.cpp runs it.
#ifndef HEKLA_WORKER_TEXT_SENTENCEPIECE_TOKENIZER_H_
#define HEKLA_WORKER_TEXT_SENTENCEPIECE_TOKENIZER_H_

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "worker/text/special_pieces.h"
#include "worker/text/tokenizer.h"

namespace hekla::text {

class SentencePieceTokenizer : public Tokenizer {
 public:
  // INVALID_ARGUMENT: no score for every piece, or neither byte pieces nor an unknown piece to fall back to.
  static absl::StatusOr<std::unique_ptr<Tokenizer>> Create(Vocabulary vocabulary);

  std::vector<TokenId> Encode(absl::string_view text, const EncodeOptions& options) const override;
  std::string Piece(TokenId id, bool special) const override;

 private:
  explicit SentencePieceTokenizer(Vocabulary vocabulary);
  void EncodeText(absl::string_view escaped, std::vector<TokenId>* ids) const;
  void EncodeStretch(absl::string_view stretch, std::vector<TokenId>* ids) const;

  SpecialPieces special_;
  absl::flat_hash_map<std::string, TokenId> ids_;  // pieces that text may become
  std::array<TokenId, 256> byte_ids_;              // -1 = no such byte piece
  bool words_merge_ = false;  // some piece continues after a space: words cannot be merged one by one
};

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_SENTENCEPIECE_TOKENIZER_H_
