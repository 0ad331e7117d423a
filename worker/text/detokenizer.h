// Incremental detokenizer: ids in, text of whole UTF-8 characters out. The concatenation of all Push()
// results and Flush() equals RepairUtf8 of the pieces' bytes (of Tokenizer::Decode without `continues`):
// invalid bytes become U+FFFD. At most 3 bytes of an unfinished character are held back. One per stream, not
// shared between threads.
#ifndef HEKLA_WORKER_TEXT_DETOKENIZER_H_
#define HEKLA_WORKER_TEXT_DETOKENIZER_H_

#include <string>

#include "worker/text/tokenizer.h"

namespace hekla::text {

class Detokenizer {
 public:
  // `continues`: the stream goes on after a prompt, so the first piece keeps its leading space.
  explicit Detokenizer(const Tokenizer* tokenizer, bool continues = true)
      : tokenizer_(tokenizer), first_(!continues) {}
  std::string Push(TokenId id);
  // What is still held: an unfinished character, given as U+FFFD. `trailing` (may be null) gets the raw
  // bytes.
  std::string Flush(std::string* trailing = nullptr);

 private:
  const Tokenizer* tokenizer_;
  bool first_;
  std::string held_;
};

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_DETOKENIZER_H_
