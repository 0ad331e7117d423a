// The pieces that are never merged from text but cut out of it first: control, unknown and user-defined
// pieces. Used by every tokenizer before its own algorithm. Immutable after construction. Source: the
// fragment partition of llama.cpp: longer pieces take their matches first, each from left to right.
#ifndef HEKLA_WORKER_TEXT_SPECIAL_PIECES_H_
#define HEKLA_WORKER_TEXT_SPECIAL_PIECES_H_

#include <array>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "worker/text/vocabulary.h"

namespace hekla::text {

// A stretch of the text: a special piece (id >= 0) or ordinary text (id = -1).
struct Fragment {
  absl::string_view text;
  TokenId id = -1;
};

class SpecialPieces {
 public:
  explicit SpecialPieces(const Vocabulary& vocabulary);

  // Fragments in order, none empty; together they are `text`. Without `control` only user-defined pieces are
  // cut out. Cost: bytes of `text` times the pieces that share a first byte, plus sorting the matches.
  std::vector<Fragment> Split(absl::string_view text, bool control) const;

 private:
  struct Piece {
    std::string text;
    TokenId id;
    bool control;  // control or unknown: only cut out on request
  };
  std::array<std::vector<Piece>, 256> by_first_byte_;
};

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_SPECIAL_PIECES_H_
