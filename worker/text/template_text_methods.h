// Python's methods of texts, and the filters that do the same, for chat templates. Upper and lower case are
// those of ASCII letters; white space is ASCII's. Pure.
#ifndef HEKLA_WORKER_TEXT_TEMPLATE_TEXT_METHODS_H_
#define HEKLA_WORKER_TEXT_TEMPLATE_TEXT_METHODS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/text/template_functions.h"

namespace hekla::text {

// text.name(arguments). UNIMPLEMENTED: the name is not known; FAILED_PRECONDITION: an argument is of the
// wrong kind.
absl::StatusOr<TemplateValue> CallTextMethod(absl::string_view name, const std::string& text,
                                             const TemplateArguments& arguments);
// Is there a filter of this name that does what the method does (trim: strip)?
bool IsTemplateTextFilter(absl::string_view name);

// The characters of valid UTF-8; a byte that is none counts as one.
std::vector<absl::string_view> TemplateCharacters(absl::string_view text);

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_TEMPLATE_TEXT_METHODS_H_
