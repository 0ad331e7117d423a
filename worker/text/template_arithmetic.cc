#include "worker/text/template_arithmetic.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"
#include "worker/text/template_functions.h"
#include "worker/text/template_text_methods.h"

namespace hekla::text {
namespace {

using Value = TemplateValue;
using List = TemplateValue::List;
using Result = absl::StatusOr<Value>;

absl::Status Undefined(const Value& value) {
  return absl::FailedPreconditionError(absl::StrCat("'", value.undefined_name(), "' is undefined"));
}

absl::Status NotFor(const std::string& op, const Value& a, const Value& b) {
  if (a.is_undefined()) return Undefined(a);
  if (b.is_undefined()) return Undefined(b);
  return absl::FailedPreconditionError(
      absl::StrCat("'", op, "' is not for ", a.KindName(), " and ", b.KindName()));
}

Result Integers(const std::string& op, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflow = false;
  if (op == "+") {
    overflow = __builtin_add_overflow(a, b, &result);
  } else if (op == "-") {
    overflow = __builtin_sub_overflow(a, b, &result);
  } else if (op == "*") {
    overflow = __builtin_mul_overflow(a, b, &result);
  } else if (b == 0) {
    return absl::FailedPreconditionError("a division by zero");
  } else if (op == "/") {
    return Value(static_cast<double>(a) / static_cast<double>(b));
  } else if (a == INT64_MIN && b == -1) {
    overflow = true;
  } else {  // rounded down, and the remainder has the divisor's sign
    const int64_t remainder = a % b;
    const bool down = remainder != 0 && (remainder < 0) != (b < 0);
    result = op == "//" ? a / b - down : remainder + (down ? b : 0);
  }
  if (overflow) return absl::FailedPreconditionError(absl::StrCat("'", op, "' overflows"));
  return Value(result);
}

Result Floats(const std::string& op, double a, double b) {
  if (op == "+") return Value(a + b);
  if (op == "-") return Value(a - b);
  if (op == "*") return Value(a * b);
  if (b == 0) return absl::FailedPreconditionError("a division by zero");
  if (op == "/") return Value(a / b);
  return Value(op == "//" ? std::floor(a / b) : a - b * std::floor(a / b));
}

Result Repeated(const std::string& text, int64_t times) {
  std::string repeated;
  if (times <= 0) return Value(std::move(repeated));
  if (!text.empty() && times > static_cast<int64_t>(kMaxTemplateText / text.size()))
    return TemplateTooLarge();
  for (; times > 0 && !text.empty(); --times) repeated += text;
  return Value(std::move(repeated));
}

// An index of a slice, within [low, high].
absl::StatusOr<int64_t> SlicePart(const Value* part, int64_t size, int64_t low, int64_t high,
                                  int64_t fallback) {
  if (part == nullptr || part->is_none()) return fallback;
  if (!part->is_int()) {
    return absl::FailedPreconditionError(absl::StrCat("a part of a slice is ", part->KindName()));
  }
  const int64_t index = part->integer();
  return std::clamp(index < 0 ? std::max(index, -size - 1) + size : index, low, high);
}

}  // namespace

Result TemplateArithmetic(const std::string& op, const Value& a, const Value& b) {
  const auto numeric = [](const Value& value) { return value.is_number() || value.is_bool(); };
  if (op == "~") {
    std::string text = a.Printed();
    text += b.Printed();
    if (text.size() > kMaxTemplateText) return TemplateTooLarge();
    return Value(std::move(text));
  }
  if (numeric(a) && numeric(b)) {
    if (a.is_float() || b.is_float()) return Floats(op, a.number(), b.number());
    return Integers(op, a.integer(), b.integer());
  }
  if (op == "+" && a.is_text() && b.is_text()) {
    if (a.text().size() + b.text().size() > kMaxTemplateText) return TemplateTooLarge();
    return Value(a.text() + b.text());
  }
  if (op == "+" && a.is_list() && b.is_list()) {
    List list = a.list();
    list.insert(list.end(), b.list().begin(), b.list().end());
    return Value(std::move(list));
  }
  if (op == "*" && a.is_text() && b.is_int()) return Repeated(a.text(), b.integer());
  if (op == "*" && a.is_int() && b.is_text()) return Repeated(b.text(), a.integer());
  return NotFor(op, a, b);
}

absl::StatusOr<bool> TemplateComparison(const std::string& op, const Value& a, const Value& b) {
  if (op == "==" || op == "!=") {
    HEKLA_ASSIGN_OR_RETURN(const bool equal, TemplateEquals(a, b));
    return equal == (op == "==");
  }
  if (op == "in" || op == "not in") {
    HEKLA_ASSIGN_OR_RETURN(const bool contained, TemplateContains(b, a));
    return contained == (op == "in");
  }
  if (!a.Comparable(b)) return NotFor(op, a, b);
  const int order = a.Compare(b);
  if (op == "<") return order < 0;
  if (op == "<=") return order <= 0;
  return op == ">" ? order > 0 : order >= 0;
}

Result TemplateItem(const Value& value, const Value& index) {
  if (value.is_undefined()) return Undefined(value);
  if (value.is_dict()) {
    const Value* found = index.is_text() ? value.Find(index.text()) : nullptr;
    return found != nullptr ? *found : Value(Value::Undefined{index.Printed()});
  }
  if ((!value.is_list() && !value.is_text()) || !index.is_int())
    return Value(Value::Undefined{index.Printed()});
  std::vector<absl::string_view> characters;
  if (value.is_text()) characters = TemplateCharacters(value.text());
  const auto size = static_cast<int64_t>(value.is_text() ? characters.size() : value.list().size());
  const int64_t at = index.integer() < 0 ? index.integer() + size : index.integer();
  if (at < 0 || at >= size) return Value(Value::Undefined{absl::StrCat("element ", index.integer())});
  return value.is_text() ? Value(std::string(characters[at])) : value.list()[at];
}

Result TemplateSlice(const Value& value, const Value* start, const Value* stop, const Value* step) {
  if (value.is_undefined()) return Undefined(value);
  if (!value.is_list() && !value.is_text()) {
    return absl::FailedPreconditionError(absl::StrCat("a slice of ", value.KindName()));
  }
  HEKLA_ASSIGN_OR_RETURN(const List elements, TemplateElements(value));
  const auto size = static_cast<int64_t>(elements.size());
  int64_t stride = 1;
  if (step != nullptr && step->is_int()) stride = step->integer();
  if (stride == 0) return absl::FailedPreconditionError("the step of a slice is 0");
  stride = std::clamp(stride, -size - 1, size + 1);
  const bool up = stride > 0;
  const int64_t low = up ? 0 : -1, high = up ? size : size - 1;
  HEKLA_ASSIGN_OR_RETURN(const int64_t begin, SlicePart(start, size, low, high, up ? low : high));
  HEKLA_ASSIGN_OR_RETURN(const int64_t end, SlicePart(stop, size, low, high, up ? high : low));
  List part;
  for (int64_t i = begin; up ? i < end : i > end; i += stride) part.push_back(elements[i]);
  if (value.is_list()) return Value(std::move(part));
  std::string text;
  for (const Value& character : part) text += character.text();
  return Value(std::move(text));
}

}  // namespace hekla::text
