#include "worker/served_model.h"

#include <algorithm>
#include <utility>

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

void DescribeChatTemplate(const absl::StatusOr<std::string>& source, ServedModel* out) {
  out->chat_template = nullptr;
  out->chat_template_status = source.status();
  if (source.ok()) {
    const text::Vocabulary& vocabulary = out->tokenizer->vocabulary();
    const auto piece = [&](text::TokenId id) { return id >= 0 ? out->tokenizer->Piece(id, true) : ""; };
    auto made = text::ChatTemplate::Create(*source, piece(vocabulary.bos), piece(vocabulary.eos));
    out->chat_template_status = made.status();
    if (made.ok()) out->chat_template = *std::move(made);
  }
  out->description.set_has_chat_template(out->chat_template != nullptr);
}

}  // namespace hekla::worker
