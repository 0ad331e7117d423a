#include "worker/text/template_text_methods.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "worker/base/status_macros.h"
#include "worker/text/utf8.h"

namespace hekla::text {
namespace {

using Value = TemplateValue;
using List = TemplateValue::List;
using Arguments = TemplateArguments;
using Result = absl::StatusOr<Value>;

template <typename... Parts>
absl::Status Wrong(const Parts&... parts) {
  return absl::FailedPreconditionError(absl::StrCat(parts...));
}

absl::StatusOr<std::string> TextArgument(absl::string_view method, const Arguments& arguments, size_t index,
                                         absl::string_view name) {
  const Value* given = arguments.Get(index, name);
  if (given == nullptr) return Wrong(method, " needs ", index + 1, index == 0 ? " argument" : " arguments");
  if (!given->is_text()) return Wrong(method, ": an argument is ", given->KindName(), ", not a text");
  return given->text();
}

absl::StatusOr<int64_t> CountArgument(absl::string_view method, const Arguments& arguments, size_t index,
                                      absl::string_view name) {
  const Value* given = arguments.Get(index, name);
  if (given == nullptr || given->is_none()) return int64_t{-1};
  if (!given->is_int()) return Wrong(method, ": ", name, " is ", given->KindName(), ", not an integer");
  return given->integer();
}

Result Strip(absl::string_view method, const std::string& text, const Arguments& arguments) {
  std::string characters = " \t\n\r\f\v";
  const Value* given = arguments.Get(0, "chars");
  if (given != nullptr && !given->is_none()) {
    HEKLA_ASSIGN_OR_RETURN(characters, TextArgument(method, arguments, 0, "chars"));
    if (std::any_of(characters.begin(), characters.end(), [](char c) { return !absl::ascii_isascii(c); })) {
      return absl::UnimplementedError(absl::StrCat(method, " of other characters than ASCII"));
    }
  }
  size_t begin = 0, end = text.size();
  if (method != "rstrip") begin = std::min(end, text.find_first_not_of(characters));
  if (method != "lstrip") end = text.find_last_not_of(characters) + 1;  // npos + 1 is 0
  return Value(begin < end ? text.substr(begin, end - begin) : std::string());
}

// startswith and endswith: a text, or one of a list.
Result StartsOrEnds(absl::string_view method, const std::string& text, const Arguments& arguments) {
  const Value* given = arguments.Get(0, "prefix");
  if (given == nullptr) return Wrong(method, " needs 1 argument");
  const List candidates = given->is_list() ? given->list() : List{*given};
  bool found = false;
  for (const Value& candidate : candidates) {
    if (!candidate.is_text()) return Wrong(method, " of ", candidate.KindName());
    found = found || (method == "startswith" ? absl::StartsWith(text, candidate.text())
                                             : absl::EndsWith(text, candidate.text()));
  }
  return Value(found);
}

// Between runs of white space; `most` < 0: any number of cuts.
List SplitAtSpace(absl::string_view text, int64_t most, bool from_the_end) {
  List parts;
  const absl::string_view space = " \t\n\r\f\v";
  while (true) {
    const size_t first = text.find_first_not_of(space);
    if (first == absl::string_view::npos) break;
    if (!from_the_end) text.remove_prefix(first);
    if (from_the_end) text = text.substr(0, text.find_last_not_of(space) + 1);
    const size_t cut = from_the_end ? text.find_last_of(space) : text.find_first_of(space);
    if (cut == absl::string_view::npos || most-- == 0) {
      parts.push_back(Value(std::string(from_the_end ? absl::StripLeadingAsciiWhitespace(text) : text)));
      break;
    }
    parts.push_back(Value(std::string(from_the_end ? text.substr(cut + 1) : text.substr(0, cut))));
    text = from_the_end ? text.substr(0, cut) : text.substr(cut);
  }
  if (from_the_end) std::reverse(parts.begin(), parts.end());
  return parts;
}

Result Split(absl::string_view method, const std::string& text, const Arguments& arguments) {
  const bool from_the_end = method == "rsplit";
  HEKLA_ASSIGN_OR_RETURN(int64_t most, CountArgument(method, arguments, 1, "maxsplit"));
  const Value* given = arguments.Get(0, "sep");
  if (given == nullptr || given->is_none()) return Value(SplitAtSpace(text, most, from_the_end));
  HEKLA_ASSIGN_OR_RETURN(const std::string separator, TextArgument(method, arguments, 0, "sep"));
  if (separator.empty()) return Wrong(method, ": the separator is empty");
  List parts;
  absl::string_view rest = text;
  for (; most != 0; --most) {
    const size_t cut = from_the_end ? rest.rfind(separator) : rest.find(separator);
    if (cut == absl::string_view::npos) break;
    const absl::string_view before = rest.substr(0, cut), after = rest.substr(cut + separator.size());
    parts.push_back(Value(std::string(from_the_end ? after : before)));
    rest = from_the_end ? before : after;
  }
  parts.push_back(Value(std::string(rest)));
  if (from_the_end) std::reverse(parts.begin(), parts.end());
  return Value(std::move(parts));
}

Result SplitLines(absl::string_view, const std::string& text, const Arguments&) {
  List lines;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find_first_of("\r\n", begin), text.size());
    lines.push_back(Value(text.substr(begin, end - begin)));
    if (end + 1 < text.size() && text[end] == '\r' && text[end + 1] == '\n') ++end;
    begin = end + 1;
  }
  return Value(std::move(lines));
}

Result Replace(absl::string_view method, const std::string& text, const Arguments& arguments) {
  HEKLA_ASSIGN_OR_RETURN(const std::string from, TextArgument(method, arguments, 0, "old"));
  HEKLA_ASSIGN_OR_RETURN(const std::string to, TextArgument(method, arguments, 1, "new"));
  HEKLA_ASSIGN_OR_RETURN(int64_t most, CountArgument(method, arguments, 2, "count"));
  if (from.empty()) return absl::UnimplementedError("replace of an empty text");
  std::string replaced;
  size_t begin = 0;
  for (; most != 0; --most) {
    const size_t found = text.find(from, begin);
    if (found == std::string::npos) break;
    replaced.append(text, begin, found - begin).append(to);
    begin = found + from.size();
    if (replaced.size() > kMaxTemplateText) return TemplateTooLarge();
  }
  return Value(replaced.append(text, begin, std::string::npos));
}

Result Case(absl::string_view method, const std::string& text, const Arguments&) {
  std::string changed = text;
  bool begins = true;  // a word, for title; the text, for capitalize
  for (char& c : changed) {
    const bool up = method == "upper" || (method != "lower" && begins);
    c = up ? absl::ascii_toupper(c) : absl::ascii_tolower(c);
    begins = method == "title" && !absl::ascii_isalpha(c);
  }
  return Value(std::move(changed));
}

Result Join(absl::string_view, const std::string& text, const Arguments& arguments) {
  const Value* parts = arguments.Get(0, "iterable");
  if (parts == nullptr) return Wrong("join needs 1 argument");
  Arguments separator;
  separator.positional.push_back(Value(text));
  return ApplyTemplateFilter("join", *parts, separator);
}

// find and count; positions are in characters.
Result Find(absl::string_view method, const std::string& text, const Arguments& arguments) {
  HEKLA_ASSIGN_OR_RETURN(const std::string wanted, TextArgument(method, arguments, 0, "sub"));
  const size_t found = text.find(wanted);
  if (method == "find") {
    if (found == std::string::npos) return Value(int64_t{-1});
    return Value(static_cast<int64_t>(TemplateCharacters(absl::string_view(text).substr(0, found)).size()));
  }
  if (wanted.empty()) return absl::UnimplementedError("count of an empty text");
  int64_t count = 0;
  for (size_t at = found; at != std::string::npos; at = text.find(wanted, at + wanted.size())) ++count;
  return Value(count);
}

Result RemoveEnd(absl::string_view method, const std::string& text, const Arguments& arguments) {
  HEKLA_ASSIGN_OR_RETURN(const std::string end, TextArgument(method, arguments, 0, "prefix"));
  absl::string_view rest = text;
  method == "removeprefix" ? absl::ConsumePrefix(&rest, end) : absl::ConsumeSuffix(&rest, end);
  return Value(std::string(rest));
}

Result IsDigit(absl::string_view, const std::string& text, const Arguments&) {
  return Value(!text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit));
}

// Every line but the first moves right; with `first` that one too, with `blank` also empty ones.
Result Indent(absl::string_view method, const std::string& text, const Arguments& arguments) {
  HEKLA_ASSIGN_OR_RETURN(const int64_t width, CountArgument(method, arguments, 0, "width"));
  if (width > 64) return Wrong("indent: width is ", width, ", the limit is 64");
  const Value *first = arguments.Get(1, "first"), *blank = arguments.Get(2, "blank");
  const std::string margin(width < 0 ? 4 : width, ' ');
  std::string indented;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const bool wanted = begin > 0 || (first != nullptr && first->Truth());
    if (wanted && (end > begin || (blank != nullptr && blank->Truth()))) indented += margin;
    indented.append(text, begin, end - begin);
    if (end < text.size()) indented += '\n';
    begin = end + 1;
  }
  return Value(std::move(indented));
}

struct Method {
  absl::string_view name;
  Result (*call)(absl::string_view, const std::string&, const Arguments&);
  bool filter;  // of the same name
};

constexpr Method kMethods[] = {
    {"strip", Strip, false},
    {"lstrip", Strip, false},
    {"rstrip", Strip, false},
    {"split", Split, false},
    {"rsplit", Split, false},
    {"splitlines", SplitLines, false},
    {"replace", Replace, true},
    {"upper", Case, true},
    {"lower", Case, true},
    {"title", Case, true},
    {"capitalize", Case, true},
    {"join", Join, false},
    {"find", Find, false},
    {"count", Find, false},
    {"startswith", StartsOrEnds, false},
    {"isdigit", IsDigit, false},
    {"endswith", StartsOrEnds, false},
    {"removeprefix", RemoveEnd, false},
    {"indent", Indent, true},
    {"removesuffix", RemoveEnd, false},
};

}  // namespace

Result CallTextMethod(absl::string_view name, const std::string& text, const Arguments& arguments) {
  for (const Method& method : kMethods) {
    if (method.name == name) return method.call(name, text, arguments);
  }
  return absl::UnimplementedError(absl::StrCat("the method '", name, "' of a text is not known"));
}

bool IsTemplateTextFilter(absl::string_view name) {
  return name == "trim" ||
         std::any_of(std::begin(kMethods), std::end(kMethods),
                     [name](const Method& method) { return method.filter && method.name == name; });
}

std::vector<absl::string_view> TemplateCharacters(absl::string_view text) {
  std::vector<absl::string_view> characters;
  while (!text.empty()) {
    const size_t bytes = FirstUtf8(text).bytes;
    characters.push_back(text.substr(0, bytes));
    text.remove_prefix(bytes);
  }
  return characters;
}

}  // namespace hekla::text
