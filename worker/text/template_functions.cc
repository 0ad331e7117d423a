#include "worker/text/template_functions.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "worker/base/status_macros.h"
#include "worker/text/template_text_methods.h"
#include "worker/text/utf8.h"

namespace hekla::text {
namespace {

using Value = TemplateValue;
using List = TemplateValue::List;
using Arguments = TemplateArguments;
using Result = absl::StatusOr<Value>;

constexpr int64_t kMaxRange = 100000;
constexpr int64_t kMaxComparedParts = 1000000;

template <typename... Parts>
absl::Status Wrong(const Parts&... parts) {
  return absl::FailedPreconditionError(absl::StrCat(parts...));
}

absl::StatusOr<int64_t> IntegerArgument(const Arguments& arguments, size_t index, absl::string_view name,
                                        int64_t fallback) {
  const Value* given = arguments.Get(index, name);
  if (given == nullptr) return fallback;
  if (!given->is_int() && !given->is_bool())
    return Wrong(name, " is ", given->KindName(), ", not an integer");
  return given->integer();
}

// value.a.b for "a.b"; undefined where there is no such entry.
Value AttributeOf(Value value, absl::string_view path) {
  for (absl::string_view name : absl::StrSplit(path, '.')) {
    const Value* found = value.is_dict() ? value.Find(name) : nullptr;
    if (found == nullptr) return Value(Value::Undefined{std::string(path)});
    value = Value(*found);
  }
  return value;
}

// The arguments after the first `count`.
Arguments Rest(const Arguments& arguments, size_t count) {
  Arguments rest;
  rest.named = arguments.named;
  if (arguments.positional.size() > count) {
    rest.positional.assign(arguments.positional.begin() + static_cast<std::ptrdiff_t>(count),
                           arguments.positional.end());
  }
  return rest;
}

// ---- filters ----

Result Length(const Value& value, const Arguments&) {
  if (value.is_text()) return Value(static_cast<int64_t>(TemplateCharacters(value.text()).size()));
  if (value.is_list()) return Value(static_cast<int64_t>(value.list().size()));
  if (value.is_dict()) return Value(static_cast<int64_t>(value.dict().size()));
  if (value.is_undefined()) return Value(int64_t{0});
  return Wrong("the length of ", value.KindName());
}

Result Default(const Value& value, const Arguments& arguments) {
  const Value* fallback = arguments.Get(0, "default_value");
  const Value* also_false = arguments.Get(1, "boolean");
  const bool use = value.is_undefined() || (also_false != nullptr && also_false->Truth() && !value.Truth());
  if (!use) return value;
  return fallback == nullptr ? Value("") : *fallback;
}

Result ToJson(const Value& value, const Arguments& arguments) {
  HEKLA_ASSIGN_OR_RETURN(const int64_t indent, IntegerArgument(arguments, 0, "indent", -1));
  if (indent > 16) return Wrong("tojson: indent is ", indent, ", the limit is 16");
  if (value.is_undefined()) return Wrong("tojson: '", value.undefined_name(), "' is undefined");
  return Value(value.Json(static_cast<int>(indent)));
}

Result End(const Value& value, bool first) {
  HEKLA_ASSIGN_OR_RETURN(const List elements, TemplateElements(value));
  if (elements.empty()) return Value(Value::Undefined{first ? "first of nothing" : "last of nothing"});
  return first ? elements.front() : elements.back();
}
Result First(const Value& value, const Arguments&) { return End(value, true); }
Result Last(const Value& value, const Arguments&) { return End(value, false); }

Result ToList(const Value& value, const Arguments&) {
  HEKLA_ASSIGN_OR_RETURN(List elements, TemplateElements(value));
  return Value(std::move(elements));
}

Result Reverse(const Value& value, const Arguments&) {
  HEKLA_ASSIGN_OR_RETURN(List elements, TemplateElements(value));
  std::reverse(elements.begin(), elements.end());
  if (!value.is_text()) return Value(std::move(elements));
  std::string text;
  for (const Value& character : elements) text += character.text();
  return Value(std::move(text));
}

Result Join(const Value& value, const Arguments& arguments) {
  HEKLA_ASSIGN_OR_RETURN(const List elements, TemplateElements(value));
  const Value* separator = arguments.Get(0, "d");
  const Value* attribute = arguments.Get(1, "attribute");
  const std::string between = separator == nullptr ? "" : separator->Printed();
  std::string joined;
  for (size_t i = 0; i < elements.size(); ++i) {
    if (i > 0) joined += between;
    joined += attribute == nullptr ? elements[i].Printed()
                                   : AttributeOf(elements[i], attribute->Printed()).Printed();
    if (joined.size() > kMaxTemplateText) return TemplateTooLarge();
  }
  return Value(std::move(joined));
}

Result ToText(const Value& value, const Arguments&) { return Value(value.Printed()); }
Result Same(const Value& value, const Arguments&) { return value; }

Result ToInteger(const Value& value, const Arguments& arguments) {
  HEKLA_ASSIGN_OR_RETURN(const int64_t fallback, IntegerArgument(arguments, 0, "default", 0));
  int64_t parsed = 0;
  if (value.is_text()) return Value(absl::SimpleAtoi(value.text(), &parsed) ? parsed : fallback);
  if (value.is_float()) {
    return Value(std::abs(value.number()) < 9e18 ? static_cast<int64_t>(value.number()) : fallback);
  }
  return Value(value.is_int() || value.is_bool() ? value.integer() : fallback);
}

Result Absolute(const Value& value, const Arguments&) {
  if (value.is_float()) return Value(std::abs(value.number()));
  if (!value.is_int() || value.integer() == INT64_MIN) return Wrong("abs of ", value.KindName());
  return Value(std::abs(value.integer()));
}

Result Items(const Value& value, const Arguments&) {
  List items;
  if (value.is_undefined()) return Value(std::move(items));
  if (!value.is_dict()) return Wrong("items of ", value.KindName());
  for (const auto& [key, entry] : value.dict()) items.push_back(Value(List{Value(key), entry}));
  return Value(std::move(items));
}

Result DictSort(const Value& value, const Arguments& arguments) {
  HEKLA_ASSIGN_OR_RETURN(const Value items, Items(value, arguments));
  List sorted = items.list();
  std::stable_sort(sorted.begin(), sorted.end(), [](const Value& a, const Value& b) {
    return a.list().front().text() < b.list().front().text();
  });
  return Value(std::move(sorted));
}

Result Sort(const Value& value, const Arguments& arguments) {
  HEKLA_ASSIGN_OR_RETURN(List elements, TemplateElements(value));
  if (!arguments.positional.empty() || !arguments.named.empty()) {
    return absl::UnimplementedError("sort takes no arguments here");
  }
  for (const Value& element : elements) {
    if (!element.Comparable(elements.front())) return Wrong("sort of ", element.KindName());
  }
  std::stable_sort(elements.begin(), elements.end(),
                   [](const Value& a, const Value& b) { return a.Compare(b) < 0; });
  return Value(std::move(elements));
}

Result Map(const Value& value, const Arguments& arguments) {
  HEKLA_ASSIGN_OR_RETURN(const List elements, TemplateElements(value));
  List mapped;
  if (const Value* attribute = arguments.Get(SIZE_MAX, "attribute"); attribute != nullptr) {
    const Value* fallback = arguments.Get(SIZE_MAX, "default");
    for (const Value& element : elements) {
      mapped.push_back(AttributeOf(element, attribute->Printed()));
      if (fallback != nullptr && mapped.back().is_undefined()) mapped.back() = *fallback;
    }
    return Value(std::move(mapped));
  }
  const Value* filter = arguments.Get(0, "filter");
  if (filter == nullptr || !filter->is_text()) return Wrong("map needs an attribute or the name of a filter");
  if (filter->text() == "map") return Wrong("map of map");
  for (const Value& element : elements) {
    HEKLA_ASSIGN_OR_RETURN(Value made, ApplyTemplateFilter(filter->text(), element, Rest(arguments, 1)));
    mapped.push_back(std::move(made));
  }
  return Value(std::move(mapped));
}

// select, reject (of the elements) and selectattr, rejectattr (of one of their entries).
Result Select(const Value& value, const Arguments& arguments, bool by_attribute, bool wanted) {
  HEKLA_ASSIGN_OR_RETURN(const List elements, TemplateElements(value));
  const size_t first = by_attribute ? 1 : 0;
  const Value* attribute = by_attribute ? arguments.Get(0, "attribute") : nullptr;
  if (by_attribute && attribute == nullptr) return Wrong("selectattr needs an attribute");
  const Value* test = arguments.Get(first, "test");
  List selected;
  for (const Value& element : elements) {
    const Value tested = by_attribute ? AttributeOf(element, attribute->Printed()) : element;
    bool chosen = tested.Truth();
    if (test != nullptr) {
      HEKLA_ASSIGN_OR_RETURN(chosen, ApplyTemplateTest(test->Printed(), tested, Rest(arguments, first + 1)));
    }
    if (chosen == wanted) selected.push_back(element);
  }
  return Value(std::move(selected));
}

using Filter = Result (*)(const Value&, const Arguments&);

const absl::flat_hash_map<std::string, Filter>& Filters() {
  static const auto* filters = new absl::flat_hash_map<std::string, Filter>{
      {"length", Length},
      {"count", Length},
      {"default", Default},
      {"d", Default},
      {"tojson", ToJson},
      {"first", First},
      {"last", Last},
      {"list", ToList},
      {"reverse", Reverse},
      {"join", Join},
      {"string", ToText},
      {"safe", Same},
      {"int", ToInteger},
      {"abs", Absolute},
      {"items", Items},
      {"dictsort", DictSort},
      {"sort", Sort},
      {"map", Map},
      {"select", [](const Value& v, const Arguments& a) { return Select(v, a, false, true); }},
      {"reject", [](const Value& v, const Arguments& a) { return Select(v, a, false, false); }},
      {"selectattr", [](const Value& v, const Arguments& a) { return Select(v, a, true, true); }},
      {"rejectattr", [](const Value& v, const Arguments& a) { return Select(v, a, true, false); }},
  };
  return *filters;
}

// A result that was cut off because it is too large.
Result Bounded(Result result) {
  if (result.ok() && result->is_text() && result->text().size() > kMaxTemplateText) return TemplateTooLarge();
  return result;
}

absl::StatusOr<bool> CompareTest(absl::string_view name, const Value& value, const Arguments& arguments) {
  const Value* other = arguments.Get(0, "other");
  if (other == nullptr) return Wrong("the test '", name, "' needs an argument");
  if (name == "eq" || name == "equalto" || name == "sameas") return TemplateEquals(value, *other);
  if (name == "ne") {
    HEKLA_ASSIGN_OR_RETURN(const bool equal, TemplateEquals(value, *other));
    return !equal;
  }
  if (name == "in") return TemplateContains(*other, value);
  if (!value.Comparable(*other))
    return Wrong("cannot compare ", value.KindName(), " and ", other->KindName());
  const int order = value.Compare(*other);
  if (name == "lt" || name == "lessthan") return order < 0;
  if (name == "le") return order <= 0;
  return name == "ge" ? order >= 0 : order > 0;
}

absl::StatusOr<bool> DivisibleTest(absl::string_view name, const Value& value, const Arguments& arguments) {
  HEKLA_ASSIGN_OR_RETURN(const int64_t divisor, IntegerArgument(arguments, 0, "num", 2));
  if (!value.is_int() || divisor == 0 || divisor == -1)
    return Wrong("the test '", name, "' of ", value.KindName());
  const bool divisible = value.integer() % divisor == 0;
  return name == "odd" ? !divisible : divisible;
}

Result Range(const Arguments& arguments) {
  const size_t given = arguments.positional.size();
  if (given < 1 || given > 3) return Wrong("range takes 1 to 3 arguments, not ", given);
  int64_t numbers[3] = {0, 0, 1};
  for (size_t i = 0; i < given; ++i) {
    HEKLA_ASSIGN_OR_RETURN(numbers[given == 1 ? 1 : i],
                           IntegerArgument(arguments, i, "an argument of range", 0));
  }
  const auto [begin, end, step] = numbers;
  if (step == 0) return Wrong("range: the step is 0");
  List list;
  for (int64_t i = begin; step > 0 ? i < end : i > end;) {
    if (static_cast<int64_t>(list.size()) >= kMaxRange) return TemplateTooLarge();
    list.push_back(Value(i));
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return Value(std::move(list));
}

// namespace(a=1, b=2) and dict(...): a dict as the only argument is copied first.
absl::StatusOr<Value::Dict> EntriesOf(absl::string_view name, const Arguments& arguments) {
  Value::Dict entries;
  if (arguments.positional.size() > 1 ||
      (arguments.positional.size() == 1 && !arguments.positional[0].is_dict())) {
    return Wrong(name, " takes named arguments, and at most one dict");
  }
  if (!arguments.positional.empty()) entries = arguments.positional[0].dict();
  for (const auto& [key, value] : arguments.named) {
    const auto same =
        std::find_if(entries.begin(), entries.end(), [&k = key](const auto& e) { return e.first == k; });
    if (same != entries.end()) {
      same->second = value;
    } else {
      entries.emplace_back(key, value);
    }
  }
  for (const auto& [key, value] : entries) {
    if (value.holds_namespace()) return Wrong(name, ": ", key, " is or holds a namespace");
  }
  return entries;
}

}  // namespace

absl::Status TemplateTooLarge() {
  return absl::ResourceExhaustedError(absl::StrCat("a value is too large: a text may have ", kMaxTemplateText,
                                                   " bytes, a range ", kMaxRange, " elements"));
}

const Value* TemplateArguments::Get(size_t index, absl::string_view name) const {
  if (index < positional.size()) return &positional[index];
  for (const auto& [given, value] : named) {
    if (given == name) return &value;
  }
  return nullptr;
}

absl::StatusOr<bool> TemplateEquals(const Value& a, const Value& b) {
  int64_t steps = kMaxComparedParts;
  const bool equal = a.Equals(b, &steps);
  if (steps < 0) return TemplateTooLarge();
  return equal;
}

absl::StatusOr<List> TemplateElements(const Value& value) {
  if (value.is_list()) return value.list();
  List elements;
  if (value.is_undefined()) return elements;
  if (value.is_dict()) {
    for (const auto& [key, entry] : value.dict()) elements.push_back(Value(key));
    return elements;
  }
  if (!value.is_text()) return Wrong(value.KindName(), " has no elements");
  for (absl::string_view character : TemplateCharacters(value.text())) {
    elements.push_back(Value(std::string(character)));
  }
  return elements;
}

absl::StatusOr<bool> TemplateContains(const Value& container, const Value& value) {
  if (container.is_text()) {
    if (!value.is_text()) return Wrong("cannot look for ", value.KindName(), " in a text");
    return container.text().find(value.text()) != std::string::npos;
  }
  if (container.is_dict()) return value.is_text() && container.Find(value.text()) != nullptr;
  if (container.is_undefined()) return false;
  if (!container.is_list()) return Wrong("cannot look in ", container.KindName());
  for (const Value& element : container.list()) {
    HEKLA_ASSIGN_OR_RETURN(const bool equal, TemplateEquals(element, value));
    if (equal) return true;
  }
  return false;
}

Result ApplyTemplateFilter(absl::string_view name, const Value& value, const Arguments& arguments) {
  const auto found = Filters().find(name);
  if (found != Filters().end()) return Bounded(found->second(value, arguments));
  if (IsTemplateTextFilter(name)) {
    return Bounded(CallTextMethod(name == "trim" ? "strip" : name, value.Printed(), arguments));
  }
  return absl::UnimplementedError(absl::StrCat("the filter '", name, "' is not known"));
}

absl::StatusOr<bool> ApplyTemplateTest(absl::string_view name, const Value& value,
                                       const Arguments& arguments) {
  static const auto* kinds = new absl::flat_hash_map<std::string, bool (*)(const Value&)>{
      {"defined", [](const Value& v) { return !v.is_undefined(); }},
      {"undefined", [](const Value& v) { return v.is_undefined(); }},
      {"none", [](const Value& v) { return v.is_none(); }},
      {"string", [](const Value& v) { return v.is_text(); }},
      {"number", [](const Value& v) { return v.is_number() || v.is_bool(); }},
      {"integer", [](const Value& v) { return v.is_int(); }},
      {"float", [](const Value& v) { return v.is_float(); }},
      {"boolean", [](const Value& v) { return v.is_bool(); }},
      {"mapping", [](const Value& v) { return v.is_dict(); }},
      {"sequence", [](const Value& v) { return v.is_list() || v.is_text() || v.is_dict(); }},
      {"iterable",
       [](const Value& v) { return v.is_list() || v.is_text() || v.is_dict() || v.is_undefined(); }},
      {"callable", [](const Value& v) { return v.is_macro(); }},
      {"true", [](const Value& v) { return v.is_bool() && v.boolean(); }},
      {"false", [](const Value& v) { return v.is_bool() && !v.boolean(); }},
  };
  if (const auto found = kinds->find(name); found != kinds->end()) return found->second(value);
  for (absl::string_view known : {"odd", "even", "divisibleby"}) {
    if (name == known) return DivisibleTest(name, value, arguments);
  }
  for (absl::string_view known :
       {"eq", "equalto", "sameas", "ne", "in", "lt", "lessthan", "le", "gt", "greaterthan", "ge"}) {
    if (name == known) return CompareTest(name, value, arguments);
  }
  return absl::UnimplementedError(absl::StrCat("the test '", name, "' is not known"));
}

Result CallTemplateMethod(absl::string_view name, const Value& value, const Arguments& arguments) {
  if (value.is_undefined()) return Wrong("'", value.undefined_name(), "' is undefined");
  if (value.is_text()) return Bounded(CallTextMethod(name, value.text(), arguments));
  if (value.is_dict()) {
    if (name == "items") return Items(value, arguments);
    if (name == "keys") return ToList(value, arguments);
    if (name == "values" || name == "get") {
      if (name == "get") {
        const Value* key = arguments.Get(0, "key");
        if (key == nullptr) return Wrong("get needs a key");
        const Value* found = key->is_text() ? value.Find(key->text()) : nullptr;
        const Value* fallback = arguments.Get(1, "default");
        return found != nullptr ? *found : fallback != nullptr ? *fallback : Value();
      }
      List values;
      for (const auto& [key, entry] : value.dict()) values.push_back(entry);
      return Value(std::move(values));
    }
  }
  return absl::UnimplementedError(
      absl::StrCat("the method '", name, "' of ", value.KindName(), " is not known"));
}

bool IsTemplateFunction(absl::string_view name) {
  return name == "range" || name == "namespace" || name == "dict" || name == "raise_exception";
}

Result CallTemplateFunction(absl::string_view name, const Arguments& arguments) {
  if (name == "range") return Range(arguments);
  if (name == "raise_exception") {
    const Value* message = arguments.Get(0, "message");
    return absl::InvalidArgumentError(message == nullptr ? "refused" : message->Printed().substr(0, 1000));
  }
  if (name == "namespace" || name == "dict") {
    HEKLA_ASSIGN_OR_RETURN(Value::Dict entries, EntriesOf(name, arguments));
    return name == "dict" ? Value(std::move(entries)) : Value::Namespace(std::move(entries));
  }
  return absl::UnimplementedError(absl::StrCat("the function '", name, "' is not known"));
}

}  // namespace hekla::text
