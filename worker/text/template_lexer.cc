#include "worker/text/template_lexer.h"

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

using Kind = TemplateToken::Kind;

bool IsNameStart(char c) { return absl::ascii_isalpha(c) || c == '_'; }
bool IsNamePart(char c) { return absl::ascii_isalnum(c) || c == '_'; }

class Lexer {
 public:
  explicit Lexer(absl::string_view source) : source_(source) {
    if (absl::EndsWith(source_, "\n")) source_.remove_suffix(1);
  }

  absl::StatusOr<std::vector<TemplateToken>> Run() {
    while (at_ < source_.size()) HEKLA_RETURN_IF_ERROR(LexText());
    Add(Kind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  template <typename... Args>
  absl::Status Error(const Args&... args) const {
    return absl::InvalidArgumentError(absl::StrCat("template line ", line_, ": ", args...));
  }

  void Add(Kind kind, absl::string_view text) { tokens_.push_back({kind, std::string(text), line_}); }

  // Moves on by `bytes`, counting lines.
  void Skip(size_t bytes) {
    line_ += static_cast<int>(std::count(source_.begin() + at_, source_.begin() + at_ + bytes, '\n'));
    at_ += bytes;
  }

  bool At(absl::string_view text) const { return absl::StartsWith(source_.substr(at_), text); }

  // Text up to the next tag, then the tag.
  absl::Status LexText() {
    size_t tag = at_;
    while (tag < source_.size() && !(source_[tag] == '{' && tag + 1 < source_.size() &&
                                     absl::StrContains("{%#", source_.substr(tag + 1, 1)))) {
      ++tag;
    }
    absl::string_view text = source_.substr(at_, tag - at_);
    const bool has_tag = tag < source_.size();
    const char mark = has_tag && tag + 2 < source_.size() ? source_[tag + 2] : ' ';
    if (has_tag && mark == '-') {
      text = absl::StripTrailingAsciiWhitespace(text);
    } else if (has_tag && source_[tag + 1] != '{' && mark != '+') {
      text = WithoutIndent(text);
    }
    if (!text.empty()) Add(Kind::kText, text);
    Skip(tag - at_);
    if (!has_tag) return absl::OkStatus();
    const char type = source_[at_ + 1];
    Skip(mark == '-' || mark == '+' ? 3 : 2);
    if (type == '#') return LexComment();
    return type == '{' ? LexOutput() : LexBlock();
  }

  // Drops blanks before a tag that begins its line.
  absl::string_view WithoutIndent(absl::string_view text) const {
    size_t end = text.size();
    while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '\t')) --end;
    const bool line_begins = end > 0 ? text[end - 1] == '\n' : at_ == 0 || source_[at_ - 1] == '\n';
    return line_begins ? text.substr(0, end) : text;
  }

  absl::Status LexComment() {
    const size_t end = source_.find("#}", at_);
    if (end == absl::string_view::npos) return Error("a comment does not end");
    const bool strip = end > at_ && source_[end - 1] == '-';
    Skip(end + 2 - at_);
    AfterTag(strip, /*trim_line_break=*/true);
    return absl::OkStatus();
  }

  absl::Status LexOutput() {
    Add(Kind::kOutputBegin, "{{");
    return LexInside("}}", Kind::kOutputEnd);
  }

  absl::Status LexBlock() {
    const size_t first = tokens_.size();
    Add(Kind::kBlockBegin, "{%");
    HEKLA_RETURN_IF_ERROR(LexInside("%}", Kind::kBlockEnd));
    if (tokens_.size() != first + 3 || tokens_[first + 1].text != "raw") return absl::OkStatus();
    tokens_.resize(first);
    return LexRaw();
  }

  // What stands up to {% endraw %} is text as it is.
  absl::Status LexRaw() {
    for (size_t tag = source_.find("{%", at_); tag != absl::string_view::npos;
         tag = source_.find("{%", tag + 2)) {
      const size_t end = source_.find("%}", tag);
      if (end == absl::string_view::npos) break;
      absl::string_view inside = source_.substr(tag + 2, end - tag - 2);
      const bool strip_before = absl::ConsumePrefix(&inside, "-"), strip = absl::ConsumeSuffix(&inside, "-");
      if (absl::StripAsciiWhitespace(inside) != "endraw") continue;
      absl::string_view text = source_.substr(at_, tag - at_);
      if (strip_before) text = absl::StripTrailingAsciiWhitespace(text);
      if (!text.empty()) Add(Kind::kText, text);
      Skip(end + 2 - at_);
      AfterTag(strip, /*trim_line_break=*/true);
      return absl::OkStatus();
    }
    return Error("{% raw %} without {% endraw %}");
  }

  void AfterTag(bool strip, bool trim_line_break) {
    if (strip) {
      while (at_ < source_.size() && absl::ascii_isspace(source_[at_])) Skip(1);
    } else if (trim_line_break && At("\n")) {
      Skip(1);
    }
  }

  // The tokens of a tag up to its closing mark, which counts outside of brackets only.
  absl::Status LexInside(absl::string_view close, Kind close_kind) {
    std::string brackets;
    while (true) {
      while (at_ < source_.size() && absl::ascii_isspace(source_[at_])) Skip(1);
      if (at_ >= source_.size()) return Error("a tag does not end with ", close);
      const bool strip = At("-") && absl::StartsWith(source_.substr(at_ + 1), close);
      const bool keep = At("+") && absl::StartsWith(source_.substr(at_ + 1), close);
      if (brackets.empty() && (strip || keep || At(close))) {
        Add(close_kind, close);
        Skip(close.size() + (strip || keep ? 1 : 0));
        AfterTag(strip, close_kind == Kind::kBlockEnd && !keep);
        return absl::OkStatus();
      }
      const char c = source_[at_];
      if (IsNameStart(c)) {
        LexName();
      } else if (absl::ascii_isdigit(c)) {
        LexNumber();
      } else if (c == '"' || c == '\'') {
        HEKLA_RETURN_IF_ERROR(LexString(c));
      } else {
        HEKLA_RETURN_IF_ERROR(LexOperator(&brackets));
      }
    }
  }

  void LexName() {
    size_t end = at_;
    while (end < source_.size() && IsNamePart(source_[end])) ++end;
    Add(Kind::kName, source_.substr(at_, end - at_));
    Skip(end - at_);
  }

  void LexNumber() {
    size_t end = at_;
    const auto digits = [&] {
      while (end < source_.size() && (absl::ascii_isdigit(source_[end]) || source_[end] == '_')) ++end;
    };
    digits();
    Kind kind = Kind::kInteger;
    if (end + 1 < source_.size() && source_[end] == '.' && absl::ascii_isdigit(source_[end + 1])) {
      kind = Kind::kFloat;
      ++end;
      digits();
    }
    std::string number(source_.substr(at_, end - at_));
    number.erase(std::remove(number.begin(), number.end(), '_'), number.end());
    Add(kind, number);
    Skip(end - at_);
  }

  absl::Status LexString(char quote) {
    std::string text;
    size_t i = at_ + 1;
    for (; i < source_.size() && source_[i] != quote; ++i) {
      if (source_[i] != '\\') {
        text += source_[i];
        continue;
      }
      if (++i >= source_.size()) break;
      HEKLA_RETURN_IF_ERROR(Unescape(&i, &text));
    }
    if (i >= source_.size()) return Error("a string does not end");
    Add(Kind::kString, text);
    Skip(i + 1 - at_);
    return absl::OkStatus();
  }

  // source_[*i] follows a backslash; leaves *i at the last character of the escape.
  absl::Status Unescape(size_t* i, std::string* text) {
    static constexpr absl::string_view kFrom = "ntrbfav0\\'\"", kTo("\n\t\r\b\f\a\v\0\\'\"", 11);
    const char c = source_[*i];
    if (const size_t known = kFrom.find(c); known != absl::string_view::npos) {
      *text += kTo[known];
    } else if (c == 'x' || c == 'u') {
      const size_t digits = c == 'x' ? 2 : 4;
      const std::string hex(source_.substr(*i + 1, digits));
      if (hex.size() != digits || !std::all_of(hex.begin(), hex.end(), absl::ascii_isxdigit)) {
        return Error("\\", std::string(1, c), " needs ", digits, " hexadecimal digits");
      }
      AppendUtf8(static_cast<uint32_t>(std::stoul(hex, nullptr, 16)), text);
      *i += digits;
    } else if (c != '\n') {  // as in Python: an unknown escape is itself, a line break is none
      *text += '\\';
      *text += c;
    }
    return absl::OkStatus();
  }

  absl::Status LexOperator(std::string* brackets) {
    static constexpr absl::string_view kTwo[] = {"==", "!=", "<=", ">=", "//", "**"};
    const char c = source_[at_];
    for (absl::string_view two : kTwo) {
      if (!At(two)) continue;
      Add(Kind::kOperator, two);
      Skip(2);
      return absl::OkStatus();
    }
    if (!absl::StrContains("+-*/%~<>=.,:|()[]{}", std::string(1, c))) {
      return Error("unexpected character '", std::string(1, c), "'");
    }
    if (c == '(' || c == '[' || c == '{') brackets->push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
    if (c == ')' || c == ']' || c == '}') {
      if (brackets->empty() || brackets->back() != c) return Error("unexpected '", std::string(1, c), "'");
      brackets->pop_back();
    }
    Add(Kind::kOperator, std::string(1, c));
    Skip(1);
    return absl::OkStatus();
  }

  absl::string_view source_;
  size_t at_ = 0;
  int line_ = 1;
  std::vector<TemplateToken> tokens_;
};

}  // namespace

absl::StatusOr<std::vector<TemplateToken>> LexTemplate(absl::string_view source) {
  return Lexer(source).Run();
}

}  // namespace hekla::text
