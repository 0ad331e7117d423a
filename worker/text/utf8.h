// UTF-8 as bytes: one character at a time, and repair of invalid bytes. Pure functions.
// Source: Unicode 15, table 3-7 (well-formed sequences); repair by maximal subparts, as its section 3.9
// recommends.
#ifndef HEKLA_WORKER_TEXT_UTF8_H_
#define HEKLA_WORKER_TEXT_UTF8_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace hekla::text {

struct Utf8Character {
  char32_t code = 0xFFFD;  // U+FFFD if not well formed
  size_t bytes = 1;        // taken from the front: the character, or the maximal invalid subpart (1..3)
  bool valid = false;
  bool cut_off = false;  // not valid only because the text ends here: more bytes could complete it
};

// The character at the front of `text`, which is not empty.
Utf8Character FirstUtf8(absl::string_view text);

bool IsValidUtf8(absl::string_view text);
// Valid UTF-8 without control characters (U+0000..U+001F, U+007F..U+009F): fit to be printed in a message.
bool IsPrintableUtf8(absl::string_view text);

void AppendUtf8(char32_t code, std::string* out);

// `bytes` with every maximal invalid subpart replaced by U+FFFD.
std::string RepairUtf8(absl::string_view bytes);

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_UTF8_H_
