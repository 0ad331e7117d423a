// Parses a chat template in the part of Jinja that model authors use: if, for, set, macro, break, continue,
// raw, generation; all expressions but ** and inline imports. What it does not know is an error, never
// ignored. Pure.
#ifndef HEKLA_WORKER_TEXT_TEMPLATE_PARSER_H_
#define HEKLA_WORKER_TEXT_TEMPLATE_PARSER_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/text/template_syntax.h"

namespace hekla::text {

// INVALID_ARGUMENT: the template is malformed, or nested too deeply; UNIMPLEMENTED: a statement that is not
// known. Both name the line.
absl::StatusOr<std::vector<TemplateStatement>> ParseTemplate(absl::string_view source);

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_TEMPLATE_PARSER_H_
