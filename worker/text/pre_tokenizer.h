// Splits text into the words that byte-level BPE merges within. Each named pre-tokenizer is a chain of rules;
// a rule is a regular expression of llama.cpp's table, written by hand. Immutable after Create.
#ifndef HEKLA_WORKER_TEXT_PRE_TOKENIZER_H_
#define HEKLA_WORKER_TEXT_PRE_TOKENIZER_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "worker/text/unicode_classes.h"

namespace hekla::text {

struct Character {
  char32_t code = 0;
  uint32_t begin = 0;  // byte in the text
  CharacterClass kind = CharacterClass::kOther;
  bool space = false;
};

// Characters of `segment` that a rule takes from `at` on; 0 = the rule does not match there.
using SplitRule = size_t (*)(absl::Span<const Character> segment, size_t at);

class PreTokenizer {
 public:
  // UNIMPLEMENTED: a name this program does not know.
  static absl::StatusOr<PreTokenizer> Create(absl::string_view name);

  // Words in order, none empty; together they are `text` (any bytes; an invalid one counts as U+FFFD). Under
  // 4 GiB.
  std::vector<absl::string_view> Split(absl::string_view text) const;

  // A word that is a piece is that piece, whatever its merges give.
  bool whole_words() const { return whole_words_; }

 private:
  // Every rule splits the segments the one before left: matches and the gaps between them.
  std::vector<SplitRule> rules_;
  bool whole_words_ = false;
};

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_PRE_TOKENIZER_H_
