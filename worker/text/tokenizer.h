// Text to token ids and back. Create() picks the family; each family is one file.
// Thread rule: immutable after Create, use it from any thread.
#ifndef HEKLA_WORKER_TEXT_TOKENIZER_H_
#define HEKLA_WORKER_TEXT_TOKENIZER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/text/vocabulary.h"

namespace hekla::text {

struct EncodeOptions {
  bool add_special = true;    // BOS (and EOS) where the vocabulary asks for them
  bool parse_special = true;  // control pieces written out in the text become their ids
};

class Tokenizer {
 public:
  // UNIMPLEMENTED: a pre-tokenizer this program does not know, by name. INVALID_ARGUMENT: an inconsistent
  // vocabulary.
  static absl::StatusOr<std::unique_ptr<Tokenizer>> Create(Vocabulary vocabulary);
  virtual ~Tokenizer() = default;

  virtual std::vector<TokenId> Encode(absl::string_view text, const EncodeOptions& options) const = 0;
  std::vector<TokenId> Encode(absl::string_view text) const { return Encode(text, EncodeOptions{}); }

  // The bytes one id stands for; control pieces give nothing unless `special`. Bytes may be part of a
  // character.
  virtual std::string Piece(TokenId id, bool special = false) const = 0;
  // The bytes of a whole sequence (SentencePiece drops the space prefix of the first piece).
  std::string Decode(const std::vector<TokenId>& ids, bool special = false) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }
  bool IsEndOfGeneration(TokenId id) const;
  // Encode puts a space before the text, so the first piece of a decoded text loses one.
  bool AddsSpacePrefix() const;

 protected:
  explicit Tokenizer(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}
  Vocabulary vocabulary_;
};

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_TOKENIZER_H_
