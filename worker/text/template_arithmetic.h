// Operators on values of chat templates, as Python has them. Pure.
#ifndef HEKLA_WORKER_TEXT_TEMPLATE_ARITHMETIC_H_
#define HEKLA_WORKER_TEXT_TEMPLATE_ARITHMETIC_H_

#include <string>

#include "absl/status/statusor.h"
#include "worker/text/template_value.h"

namespace hekla::text {

// a op b; op is + - * / // % or ~. FAILED_PRECONDITION: not for these kinds, a division by zero, an overflow;
// RESOURCE_EXHAUSTED: the result is too large.
absl::StatusOr<TemplateValue> TemplateArithmetic(const std::string& op, const TemplateValue& a,
                                                 const TemplateValue& b);

// a op b; op is == != < <= > >= in or not in.
absl::StatusOr<bool> TemplateComparison(const std::string& op, const TemplateValue& a,
                                        const TemplateValue& b);

// value[index], with negative indices from the end; undefined where there is none.
absl::StatusOr<TemplateValue> TemplateItem(const TemplateValue& value, const TemplateValue& index);

// value[start:stop:step] of a list or text; null parts are left out.
absl::StatusOr<TemplateValue> TemplateSlice(const TemplateValue& value, const TemplateValue* start,
                                            const TemplateValue* stop, const TemplateValue* step);

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_TEMPLATE_ARITHMETIC_H_
