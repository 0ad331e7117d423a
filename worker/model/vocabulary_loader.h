// The tokenizer of a GGUF file as a text::Vocabulary: tokenizer.ggml.* keys, all lengths and ids checked.
#ifndef HEKLA_WORKER_MODEL_VOCABULARY_LOADER_H_
#define HEKLA_WORKER_MODEL_VOCABULARY_LOADER_H_

#include "absl/status/statusor.h"
#include "worker/model/gguf.h"
#include "worker/text/vocabulary.h"

namespace hekla::model {

// NOT_FOUND: no tokenizer in the file; UNIMPLEMENTED: a tokenizer model other than "llama" and "gpt2"; DATA_LOSS: damaged.
absl::StatusOr<text::Vocabulary> LoadVocabulary(const Gguf& file);

}  // namespace hekla::model

#endif  // HEKLA_WORKER_MODEL_VOCABULARY_LOADER_H_
