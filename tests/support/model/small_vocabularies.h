// Vocabularies small enough to work out ids by hand.
#ifndef HEKLA_TESTS_SUPPORT_MODEL_SMALL_VOCABULARIES_H_
#define HEKLA_TESTS_SUPPORT_MODEL_SMALL_VOCABULARIES_H_

#include "worker/text/vocabulary.h"

namespace hekla::test {

// <unk> <s> </s>, the byte pieces <0x00>..<0xFF> at 3..258, then from 259 on: "_" (U+2581), h e l o w r d,
// "he" "ll" "hell" "hello"
// "_w" "_wo" "_hello" "or" "<tag>" (user-defined). Longer pieces have better scores, "or" the worst.
text::Vocabulary SmallSentencePiece();

// The 256 bytes in the order of their value, then from 256 on: "he" "ll" "hell" " w" (merges of these ranks),
// "<|end|>" (control) and "<tag>" (user-defined).
text::Vocabulary SmallByteLevel();

}  // namespace hekla::test

#endif  // HEKLA_TESTS_SUPPORT_MODEL_SMALL_VOCABULARIES_H_
