// Cuts a chat template into text and tokens, with Jinja's rules of white space as model authors use them:
// trim_blocks (the line break after a block is dropped) and lstrip_blocks (blanks before a block that begins
// a line are), `-` and `+` marks, and one line break at the very end dropped. Pure.
#ifndef HEKLA_WORKER_TEXT_TEMPLATE_LEXER_H_
#define HEKLA_WORKER_TEXT_TEMPLATE_LEXER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hekla::text {

struct TemplateToken {
  enum Kind {
    kText,         // to be copied to the output
    kOutputBegin,  // {{
    kOutputEnd,    // }}
    kBlockBegin,   // {%
    kBlockEnd,     // %}
    kName,
    kInteger,
    kFloat,
    kString,    // without quotes, escapes resolved
    kOperator,  // also brackets, comma, ...
    kEnd,
  };
  Kind kind = kEnd;
  std::string text;
  int line = 1;
};

// The last token is kEnd. INVALID_ARGUMENT names the line.
absl::StatusOr<std::vector<TemplateToken>> LexTemplate(absl::string_view source);

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_TEMPLATE_LEXER_H_
