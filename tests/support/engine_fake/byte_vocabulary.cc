#include "tests/support/engine_fake/byte_vocabulary.h"

#include <string>
#include <utility>

namespace hekla::text {
namespace {

class ByteTokenizer : public Tokenizer {
 public:
  explicit ByteTokenizer(Vocabulary vocabulary) : Tokenizer(std::move(vocabulary)) {}

  std::vector<TokenId> Encode(absl::string_view text, const EncodeOptions&) const override {
    std::vector<TokenId> ids;
    ids.reserve(text.size());
    for (char c : text) ids.push_back(static_cast<unsigned char>(c));
    return ids;
  }

  std::string Piece(TokenId id, bool special) const override {
    if (id < 256) return std::string(1, static_cast<char>(id));
    return special ? vocabulary_.pieces[id] : std::string();
  }
};

}  // namespace

std::unique_ptr<Tokenizer> MakeByteTokenizer() {
  Vocabulary vocabulary;
  vocabulary.model = VocabularyModel::kByteLevelBpe;
  vocabulary.pre_tokenizer = "bytes";
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary.pieces.push_back(std::string(1, static_cast<char>(byte)));
    vocabulary.kinds.push_back(TokenKind::kByte);
  }
  vocabulary.pieces.push_back("<|end|>");
  vocabulary.kinds.push_back(TokenKind::kControl);
  vocabulary.eos = kByteEos;
  vocabulary.end_of_generation = {kByteEos};
  vocabulary.add_space_prefix = false;
  return std::make_unique<ByteTokenizer>(std::move(vocabulary));
}

}  // namespace hekla::text
