// A whole llama model of one layer with random weights and a byte-level vocabulary of 262 pieces, some 400
// KB, with every tensor type Hekla reads. It says nothing sensible but loads like any other.
#ifndef HEKLA_TESTS_SUPPORT_MODEL_TINY_LLAMA_H_
#define HEKLA_TESTS_SUPPORT_MODEL_TINY_LLAMA_H_

#include <cstdint>

#include "tests/support/model/gguf_writer.h"

namespace hekla::test {

// Tokenizer keys only: 256 bytes, 4 merges, then <|begin|> (BOS) and <|endoftext|> (EOS), both control
// pieces.
void AddTinyVocabulary(GgufWriter* writer);

GgufWriter TinyLlama(uint32_t seed);

}  // namespace hekla::test

#endif  // HEKLA_TESTS_SUPPORT_MODEL_TINY_LLAMA_H_
