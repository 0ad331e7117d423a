// The general category of a code point, as far as pre-tokenizers tell them apart. Table and its Unicode
// version: unicode_classes.cc, written by unicode_classes.py.
#ifndef HEKLA_WORKER_TEXT_UNICODE_CLASSES_H_
#define HEKLA_WORKER_TEXT_UNICODE_CLASSES_H_

#include <cstdint>

namespace hekla::text {

enum class CharacterClass : uint8_t { kOther, kLetter, kNumber, kPunctuation, kSymbol, kMark };

// \p{L}, \p{N}, \p{P}, \p{S} and \p{M} of regular expressions. Cost: a binary search in about 2,200 entries.
CharacterClass ClassOf(char32_t code);

// \s: the property White_Space.
constexpr bool IsSpace(char32_t code) {
  return (code >= 9 && code <= 13) || code == 0x20 || code == 0x85 || code == 0xA0 || code == 0x1680 ||
         (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 || code == 0x202F ||
         code == 0x205F || code == 0x3000;
}

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_UNICODE_CLASSES_H_
