// The one model a worker serves, as the service sees it. Plain data, immutable once the service runs.
#ifndef HEKLA_WORKER_SERVED_MODEL_H_
#define HEKLA_WORKER_SERVED_MODEL_H_

#include "hekla/v1/inference.pb.h"
#include "worker/text/tokenizer.h"

namespace hekla::worker {

struct ServedModel {
  v1::Model description;  // complete: name, limits, vocabulary_size, eos_token_ids, weights_hash
  const text::Tokenizer* tokenizer = nullptr;  // outlives the service
  int longest_piece_bytes = 1;                 // no token stands for more bytes of text
};

// The vocabulary's part of the description: vocabulary_size, eos and bos, longest_piece_bytes.
void DescribeVocabulary(const text::Tokenizer& tokenizer, ServedModel* out);

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_SERVED_MODEL_H_
