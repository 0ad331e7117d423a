// Filters, tests, methods and functions of chat templates: the part of Jinja and Python that model authors
// use.
//
// Errors: UNIMPLEMENTED the name is not known; FAILED_PRECONDITION a value or argument is not of the right
// kind; RESOURCE_EXHAUSTED a result would be too large; INVALID_ARGUMENT raise_exception, with the template's
// own words. Pure.
#ifndef HEKLA_WORKER_TEXT_TEMPLATE_FUNCTIONS_H_
#define HEKLA_WORKER_TEXT_TEMPLATE_FUNCTIONS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/text/template_value.h"

namespace hekla::text {

struct TemplateArguments {
  std::vector<TemplateValue> positional;
  std::vector<std::pair<std::string, TemplateValue>> named;

  // Argument `index`, or that of this name; null if it is not given.
  const TemplateValue* Get(size_t index, absl::string_view name) const;
};

// value | name(arguments)
absl::StatusOr<TemplateValue> ApplyTemplateFilter(absl::string_view name, const TemplateValue& value,
                                                  const TemplateArguments& arguments);
// value is name(arguments)
absl::StatusOr<bool> ApplyTemplateTest(absl::string_view name, const TemplateValue& value,
                                       const TemplateArguments& arguments);
// value.name(arguments)
absl::StatusOr<TemplateValue> CallTemplateMethod(absl::string_view name, const TemplateValue& value,
                                                 const TemplateArguments& arguments);
// name(arguments): range, namespace, dict, raise_exception.
absl::StatusOr<TemplateValue> CallTemplateFunction(absl::string_view name,
                                                   const TemplateArguments& arguments);
bool IsTemplateFunction(absl::string_view name);

// What a loop goes over: elements of a list, keys of a dict, characters of a text, nothing of undefined.
absl::StatusOr<TemplateValue::List> TemplateElements(const TemplateValue& value);
// container contains value, as `in` has it.
absl::StatusOr<bool> TemplateContains(const TemplateValue& container, const TemplateValue& value);
absl::StatusOr<bool> TemplateEquals(const TemplateValue& a, const TemplateValue& b);

absl::Status TemplateTooLarge();

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_TEMPLATE_FUNCTIONS_H_
