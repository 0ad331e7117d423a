#include "worker/text/template_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace hekla::text {
namespace {

// The shortest decimal that reads back as the same number, as Python prints it.
std::string PrintedFloat(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[64];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), value);
  std::string text(buffer, end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string PythonQuoted(absl::string_view text) {
  const bool single = text.find('\'') == absl::string_view::npos || text.find('"') != absl::string_view::npos;
  const char quote = single ? '\'' : '"';
  std::string out(1, quote);
  for (char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else {
      if (c == quote || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + quote;
}

void NewLine(int indent, int depth, std::string* out) {
  if (indent < 0) return;
  out->push_back('\n');
  out->append(static_cast<size_t>(indent) * depth, ' ');
}

}  // namespace

std::string JsonQuoted(absl::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          absl::StrAppendFormat(&out, "\\u%04x", static_cast<unsigned>(c));
        } else {
          out += c;
        }
    }
  }
  return out + '"';
}

TemplateValue::TemplateValue(List value) : depth_(1) {
  for (const TemplateValue& element : value) {
    depth_ = std::max(depth_, element.depth_ + 1);
    holds_namespace_ = holds_namespace_ || element.holds_namespace_;
  }
  value_ = std::make_shared<const List>(std::move(value));
}

TemplateValue::TemplateValue(Dict value) : depth_(1) {
  for (const auto& [key, element] : value) {
    depth_ = std::max(depth_, element.depth_ + 1);
    holds_namespace_ = holds_namespace_ || element.holds_namespace_;
  }
  value_ = std::make_shared<const Dict>(std::move(value));
}

TemplateValue TemplateValue::Namespace(Dict value) {
  TemplateValue made;
  made.value_ = std::make_shared<Dict>(std::move(value));
  made.depth_ = 1;
  made.holds_namespace_ = true;
  return made;
}

const TemplateValue::Dict& TemplateValue::dict() const {
  if (is_namespace()) return *std::get<MutableDict>(value_);
  return *std::get<SharedDict>(value_);
}

const TemplateValue* TemplateValue::Find(absl::string_view key) const {
  for (const auto& [name, value] : dict()) {
    if (name == key) return &value;
  }
  return nullptr;
}

void TemplateValue::SetEntry(const std::string& key, TemplateValue value) {
  Dict& entries = *std::get<MutableDict>(value_);
  for (auto& [name, old] : entries) {
    if (name != key) continue;
    old = std::move(value);
    return;
  }
  entries.emplace_back(key, std::move(value));
}

bool TemplateValue::Truth() const {
  if (is_undefined() || is_none()) return false;
  if (is_bool()) return boolean();
  if (is_number()) return number() != 0;
  if (is_text()) return !text().empty();
  if (is_list()) return !list().empty();
  return is_macro() || !dict().empty();
}

bool TemplateValue::Equals(const TemplateValue& other, int64_t* steps) const {
  if (--*steps < 0) return false;
  const bool numeric = is_number() || is_bool();
  if (numeric && (other.is_number() || other.is_bool())) {
    if (is_float() || other.is_float()) return number() == other.number();
    return integer() == other.integer();
  }
  if (is_text() && other.is_text()) return text() == other.text();
  if (is_list() && other.is_list()) {
    if (list().size() != other.list().size()) return false;
    for (size_t i = 0; i < list().size(); ++i) {
      if (!list()[i].Equals(other.list()[i], steps)) return false;
    }
    return true;
  }
  if (is_dict() && other.is_dict()) {
    if (dict().size() != other.dict().size()) return false;
    for (const auto& [key, value] : dict()) {
      const TemplateValue* found = other.Find(key);
      if (found == nullptr || !value.Equals(*found, steps)) return false;
    }
    return true;
  }
  if (is_macro() && other.is_macro()) return macro() == other.macro();
  return (is_none() && other.is_none()) || (is_undefined() && other.is_undefined());
}

bool TemplateValue::Comparable(const TemplateValue& other) const {
  const auto numeric = [](const TemplateValue& value) { return value.is_number() || value.is_bool(); };
  return (numeric(*this) && numeric(other)) || (is_text() && other.is_text());
}

int TemplateValue::Compare(const TemplateValue& other) const {
  if (is_text()) return text().compare(other.text());
  if (!is_float() && !other.is_float()) return integer() < other.integer() ? -1 : integer() > other.integer();
  return number() < other.number() ? -1 : number() > other.number();
}

std::string TemplateValue::Printed() const {
  if (is_text()) return text();
  return is_undefined() ? "" : Repr();
}

std::string TemplateValue::Repr() const {
  std::string out;
  AppendRepr(&out);
  return out;
}

void TemplateValue::AppendRepr(std::string* out) const {
  if (out->size() > kMaxTemplateText) return;
  if (is_undefined()) {
    out->append("Undefined");
  } else if (is_none()) {
    out->append("None");
  } else if (is_bool()) {
    out->append(boolean() ? "True" : "False");
  } else if (is_int()) {
    absl::StrAppend(out, integer());
  } else if (is_float()) {
    out->append(PrintedFloat(number()));
  } else if (is_text()) {
    out->append(PythonQuoted(text()));
  } else if (is_list()) {
    out->push_back('[');
    for (size_t i = 0; i < list().size() && out->size() <= kMaxTemplateText; ++i) {
      if (i > 0) out->append(", ");
      list()[i].AppendRepr(out);
    }
    out->push_back(']');
  } else if (is_dict()) {
    out->push_back('{');
    bool first = true;
    for (const auto& [key, value] : dict()) {
      absl::StrAppend(out, first ? "" : ", ", PythonQuoted(key), ": ");
      value.AppendRepr(out);
      first = false;
    }
    out->push_back('}');
  } else {
    out->append("<macro>");
  }
}

std::string TemplateValue::Json(int indent) const {
  std::string out;
  AppendJson(indent, 0, &out);
  return out;
}

void TemplateValue::AppendJson(int indent, int depth, std::string* out) const {
  if (out->size() > kMaxTemplateText) return;
  const char* const comma = indent < 0 ? ", " : ",";
  if (is_none() || is_undefined() || is_macro()) {
    out->append("null");
  } else if (is_bool()) {
    out->append(boolean() ? "true" : "false");
  } else if (is_number()) {
    out->append(Repr());
  } else if (is_text()) {
    out->append(JsonQuoted(text()));
  } else if (is_list()) {
    out->push_back('[');
    for (size_t i = 0; i < list().size() && out->size() <= kMaxTemplateText; ++i) {
      if (i > 0) out->append(comma);
      NewLine(indent, depth + 1, out);
      list()[i].AppendJson(indent, depth + 1, out);
    }
    if (!list().empty()) NewLine(indent, depth, out);
    out->push_back(']');
  } else {
    out->push_back('{');
    bool first = true;
    for (const auto& [key, value] : dict()) {
      if (!first) out->append(comma);
      NewLine(indent, depth + 1, out);
      absl::StrAppend(out, JsonQuoted(key), ": ");
      value.AppendJson(indent, depth + 1, out);
      first = false;
    }
    if (!first) NewLine(indent, depth, out);
    out->push_back('}');
  }
}

const char* TemplateValue::KindName() const {
  if (is_undefined()) return "undefined";
  if (is_none()) return "none";
  if (is_bool()) return "a bool";
  if (is_int()) return "an integer";
  if (is_float()) return "a float";
  if (is_text()) return "a text";
  if (is_list()) return "a list";
  if (is_namespace()) return "a namespace";
  return is_dict() ? "a dict" : "a macro";
}

}  // namespace hekla::text
