// The one model a worker serves, as the service sees it. Plain data, immutable once the service runs.
#ifndef HEKLA_WORKER_SERVED_MODEL_H_
#define HEKLA_WORKER_SERVED_MODEL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "hekla/v1/inference.pb.h"
#include "worker/text/chat_template.h"
#include "worker/text/tokenizer.h"

namespace hekla::worker {

struct ServedModel {
  v1::Model description;  // complete: name, limits, vocabulary_size, eos_token_ids, weights_hash
  const text::Tokenizer* tokenizer = nullptr;               // outlives the service
  int longest_piece_bytes = 1;                              // no token stands for more bytes of text
  std::shared_ptr<const text::ChatTemplate> chat_template;  // null: why not is the status below
  absl::Status chat_template_status = absl::NotFoundError("the model has no chat template");
};

// The vocabulary's part of the description: vocabulary_size, eos and bos, longest_piece_bytes.
void DescribeVocabulary(const text::Tokenizer& tokenizer, ServedModel* out);

// The chat template in the model's file, or why there is none; after DescribeVocabulary. What cannot be used
// is kept as a status, for those who send chats.
void DescribeChatTemplate(const absl::StatusOr<std::string>& source, ServedModel* out);

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_SERVED_MODEL_H_
