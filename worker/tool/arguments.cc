#include "worker/tool/arguments.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "worker/base/status_macros.h"

namespace hekla::tool {
namespace {

absl::Status ParseInt(absl::string_view text, int64_t low, int64_t high, int64_t* value) {
  if (!absl::SimpleAtoi(text, value)) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is no whole number"));
  }
  if (*value < low || *value > high) {
    return absl::InvalidArgumentError(absl::StrCat(*value, " is outside ", low, " to ", high));
  }
  return absl::OkStatus();
}

bool IsFlag(absl::string_view word) {
  return word.size() > 1 && word[0] == '-' && !absl::ascii_isdigit(word[1]);
}

}  // namespace

void Arguments::AddPositional(std::string name, std::string help, std::string* value) {
  positionals_.push_back({std::move(name), std::move(help), value});
}

void Arguments::AddSwitch(std::string name, std::string help, bool* value) {
  flags_.push_back({std::move(name), "", std::move(help), "", [value](absl::string_view) {
                      *value = true;
                      return absl::OkStatus();
                    }});
}

void Arguments::AddString(std::string name, std::string placeholder, std::string help, std::string* value) {
  flags_.push_back(
      {std::move(name), std::move(placeholder), std::move(help), *value, [value](absl::string_view text) {
         *value = std::string(text);
         return absl::OkStatus();
       }});
}

void Arguments::AddInt(std::string name, std::string placeholder, std::string help, int64_t low, int64_t high,
                       int64_t* value) {
  flags_.push_back({std::move(name), std::move(placeholder), std::move(help), absl::StrCat(*value),
                    [=](absl::string_view text) { return ParseInt(text, low, high, value); }});
}

void Arguments::AddFloat(std::string name, std::string placeholder, std::string help, double low, double high,
                         double* value) {
  flags_.push_back({std::move(name), std::move(placeholder), std::move(help), absl::StrCat(*value),
                    [=](absl::string_view text) {
                      if (!absl::SimpleAtod(text, value) || !std::isfinite(*value)) {
                        return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is no number"));
                      }
                      if (*value >= low && *value <= high) return absl::OkStatus();
                      return absl::InvalidArgumentError(
                          absl::StrCat(*value, " is outside ", low, " to ", high));
                    }});
}

void Arguments::AddIntList(std::string name, std::string placeholder, std::string help, int64_t low,
                           int64_t high, std::vector<int64_t>* value) {
  flags_.push_back({std::move(name), std::move(placeholder), std::move(help), absl::StrJoin(*value, ","),
                    [=](absl::string_view text) {
                      value->clear();
                      for (const absl::string_view part : absl::StrSplit(text, ',')) {
                        HEKLA_RETURN_IF_ERROR(
                            ParseInt(absl::StripAsciiWhitespace(part), low, high, &value->emplace_back()));
                      }
                      return absl::OkStatus();
                    }});
}

Arguments::Flag* Arguments::Find(absl::string_view name) {
  const auto found =
      std::find_if(flags_.begin(), flags_.end(), [&](const Flag& flag) { return flag.name == name; });
  return found == flags_.end() ? nullptr : &*found;
}

bool Arguments::WasGiven(absl::string_view name) const {
  return std::any_of(flags_.begin(), flags_.end(),
                     [&](const Flag& flag) { return flag.name == name && flag.given; });
}

absl::Status Arguments::UnknownFlag(absl::string_view name) const {
  std::string nearest = "--help";
  for (const Flag& flag : flags_) {
    if (EditDistance(name, flag.name) < EditDistance(name, nearest)) nearest = flag.name;
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown flag ", name, "; the nearest is ", nearest));
}

absl::Status Arguments::Parse(const std::vector<std::string>& arguments) {
  for (const std::string& word : arguments) {
    if (word == "--") break;
    if (word == "--help" || word == "-h") help_wanted_ = true;
  }
  if (help_wanted_) return absl::OkStatus();
  std::vector<std::string> values;
  bool flags_ended = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (flags_ended || !IsFlag(word)) {
      values.push_back(word);
      continue;
    }
    if (word == "--") {
      flags_ended = true;
      continue;
    }
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    Flag* flag = Find(name);
    if (flag == nullptr) return UnknownFlag(name);
    const bool is_switch = flag->placeholder.empty();
    std::string value;
    if (equals != std::string::npos) {
      if (is_switch) return absl::InvalidArgumentError(absl::StrCat("flag ", name, " takes no value"));
      value = word.substr(equals + 1);
    } else if (!is_switch) {
      if (i + 1 == arguments.size()) {
        return absl::InvalidArgumentError(absl::StrCat("flag ", name, " needs a value: ", flag->placeholder));
      }
      value = arguments[++i];
    }
    HEKLA_RETURN_IF_ERROR(WithContext(flag->set(value), absl::StrCat("flag ", name)));
    flag->given = true;
  }
  if (values.size() > positionals_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("unexpected argument \"", values[positionals_.size()], "\""));
  }
  for (size_t i = 0; i < positionals_.size(); ++i) {
    if (i >= values.size()) return absl::InvalidArgumentError(absl::StrCat("missing ", positionals_[i].name));
    *positionals_[i].value = values[i];
  }
  return absl::OkStatus();
}

std::string Arguments::Usage() const {
  std::string usage = absl::StrCat("usage: hekla-model ", command_, flags_.empty() ? "" : " [flags]");
  for (const Positional& positional : positionals_) absl::StrAppend(&usage, " ", positional.name);
  return usage;
}

std::string Arguments::Help() const {
  constexpr size_t kColumn = 24;
  std::string help = absl::StrCat(Usage(), "\n\n", description_, "\n\n");
  auto line = [&help](absl::string_view left, absl::string_view right) {
    std::string start = absl::StrCat("  ", left);
    start.append(start.size() < kColumn ? kColumn - start.size() : 2, ' ');
    absl::StrAppend(&help, start, right, "\n");
  };
  for (const Positional& positional : positionals_) line(positional.name, positional.help);
  for (const Flag& flag : flags_) {
    line(absl::StrCat(flag.name, flag.placeholder.empty() ? "" : " ", flag.placeholder),
         flag.fallback.empty() ? flag.help : absl::StrCat(flag.help, " (default ", flag.fallback, ")"));
  }
  line("--help", "this text");
  return help;
}

int EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace hekla::tool
