#include "worker/served_model.h"

#include <algorithm>

namespace hekla::worker {

void DescribeVocabulary(const text::Tokenizer& tokenizer, ServedModel* out) {
  const text::Vocabulary& vocabulary = tokenizer.vocabulary();
  out->tokenizer = &tokenizer;
  out->description.set_vocabulary_size(vocabulary.pieces.size());
  out->description.clear_eos_token_ids();
  for (text::TokenId id : vocabulary.end_of_generation) out->description.add_eos_token_ids(id);
  if (vocabulary.bos >= 0) out->description.set_bos_token_id(vocabulary.bos);
  for (const std::string& piece : vocabulary.pieces) {
    out->longest_piece_bytes = std::max(out->longest_piece_bytes, static_cast<int>(piece.size()));
  }
}

}  // namespace hekla::worker
