// A vocabulary of the 256 bytes and an end-of-sequence piece: any text, no model file. Id b < 256 stands for
// byte b, kByteEos ends.
#ifndef HEKLA_TESTS_SUPPORT_ENGINE_FAKE_BYTE_VOCABULARY_H_
#define HEKLA_TESTS_SUPPORT_ENGINE_FAKE_BYTE_VOCABULARY_H_

#include <memory>

#include "worker/text/tokenizer.h"

namespace hekla::text {

inline constexpr TokenId kByteEos = 256;

std::unique_ptr<Tokenizer> MakeByteTokenizer();

}  // namespace hekla::text

#endif  // HEKLA_TESTS_SUPPORT_ENGINE_FAKE_BYTE_VOCABULARY_H_
