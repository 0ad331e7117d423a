// Values of chat templates: what the Jinja language computes with, with Python's meaning of truth, equality,
// printing and order. Tuples are lists.
//
// Copies are cheap: texts, lists and dicts are shared and, but for namespaces, never change once made.
// Sharing makes values that are far larger when written out than in memory, so what walks through them is
// bounded. One thread.
#ifndef HEKLA_WORKER_TEXT_TEMPLATE_VALUE_H_
#define HEKLA_WORKER_TEXT_TEMPLATE_VALUE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"

namespace hekla::text {

struct TemplateMacro;  // template_syntax.h

inline constexpr size_t kMaxTemplateText = size_t{16} << 20;  // bytes of one text

class TemplateValue {
 public:
  using List = std::vector<TemplateValue>;
  using Dict =
      std::vector<std::pair<std::string, TemplateValue>>;  // keys are texts, in the order they were set

  struct Undefined {
    std::string name;  // of what is not defined, for errors
  };
  struct None {};

  TemplateValue() : value_(None{}) {}
  explicit TemplateValue(Undefined undefined) : value_(std::move(undefined)) {}
  explicit TemplateValue(bool value) : value_(value) {}
  explicit TemplateValue(int64_t value) : value_(value) {}
  explicit TemplateValue(double value) : value_(value) {}
  explicit TemplateValue(std::string value) : value_(std::make_shared<const std::string>(std::move(value))) {}
  explicit TemplateValue(const char* value) : TemplateValue(std::string(value)) {}
  explicit TemplateValue(List value);
  explicit TemplateValue(Dict value);
  explicit TemplateValue(const TemplateMacro* macro) : value_(macro) {}
  // A dict whose entries `set` can change, in all copies at once.
  static TemplateValue Namespace(Dict value);

  bool is_undefined() const { return std::holds_alternative<Undefined>(value_); }
  bool is_none() const { return std::holds_alternative<None>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_int() const { return std::holds_alternative<int64_t>(value_); }
  bool is_float() const { return std::holds_alternative<double>(value_); }
  bool is_number() const { return is_int() || is_float(); }
  bool is_text() const { return std::holds_alternative<Text>(value_); }
  bool is_list() const { return std::holds_alternative<SharedList>(value_); }
  bool is_dict() const { return std::holds_alternative<SharedDict>(value_) || is_namespace(); }
  bool is_namespace() const { return std::holds_alternative<MutableDict>(value_); }
  bool is_macro() const { return std::holds_alternative<const TemplateMacro*>(value_); }

  // Each only of its kind. number: of ints, floats and bools.
  const std::string& undefined_name() const { return std::get<Undefined>(value_).name; }
  bool boolean() const { return std::get<bool>(value_); }
  int64_t integer() const { return is_bool() ? boolean() : std::get<int64_t>(value_); }
  double number() const { return is_float() ? std::get<double>(value_) : static_cast<double>(integer()); }
  const std::string& text() const { return *std::get<Text>(value_); }
  const List& list() const { return *std::get<SharedList>(value_); }
  const Dict& dict() const;
  const TemplateMacro* macro() const { return std::get<const TemplateMacro*>(value_); }

  // An entry of a dict; null if there is none.
  const TemplateValue* Find(absl::string_view key) const;
  // Of a namespace.
  void SetEntry(const std::string& key, TemplateValue value);

  // Lists and dicts in each other; 0 for what is neither.
  int depth() const { return depth_; }
  // Is one, or has one in it.
  bool holds_namespace() const { return holds_namespace_; }

  bool Truth() const;
  // Takes from *steps for each part that is compared; false when there are none left.
  bool Equals(const TemplateValue& other, int64_t* steps) const;
  // Negative, 0 or positive; of two numbers or two texts only.
  int Compare(const TemplateValue& other) const;
  bool Comparable(const TemplateValue& other) const;

  // As Python's str() and repr(); "" for undefined. Of what is longer than kMaxTemplateText only a part that
  // is longer, too.
  std::string Printed() const;
  std::string Repr() const;
  // As json.dumps(..., ensure_ascii=False), as long as the above; indent < 0: on one line.
  std::string Json(int indent) const;
  // "a text", "a list", ...: for errors.
  const char* KindName() const;

 private:
  using Text = std::shared_ptr<const std::string>;
  using SharedList = std::shared_ptr<const List>;
  using SharedDict = std::shared_ptr<const Dict>;
  using MutableDict = std::shared_ptr<Dict>;

  void AppendRepr(std::string* out) const;
  void AppendJson(int indent, int depth, std::string* out) const;

  std::variant<Undefined, None, bool, int64_t, double, Text, SharedList, SharedDict, MutableDict,
               const TemplateMacro*>
      value_;
  int depth_ = 0;
  bool holds_namespace_ = false;
};

// `text` as a JSON string in quotes.
std::string JsonQuoted(absl::string_view text);

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_TEMPLATE_VALUE_H_
