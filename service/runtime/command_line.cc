#include "service/runtime/command_line.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace hekla::service {
namespace {

template <typename T>
absl::Status ParseWhole(absl::string_view text, T* value) {
  if (absl::SimpleAtoi(text, value)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not a whole number in its range"));
}

}  // namespace

absl::Status ParseFlagValue(absl::string_view text, std::string* value) {
  *value = std::string(text);
  return absl::OkStatus();
}
absl::Status ParseFlagValue(absl::string_view text, int* value) { return ParseWhole(text, value); }
absl::Status ParseFlagValue(absl::string_view text, uint32_t* value) { return ParseWhole(text, value); }
absl::Status ParseFlagValue(absl::string_view text, int64_t* value) { return ParseWhole(text, value); }
absl::Status ParseFlagValue(absl::string_view text, uint64_t* value) { return ParseWhole(text, value); }

absl::Status ParseFlagValue(absl::string_view text, float* value) {
  if (absl::SimpleAtof(text, value) && std::isfinite(*value)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not a number"));
}

absl::Status ParseFlagValue(absl::string_view text, absl::Duration* value) {
  if (absl::ParseDuration(text, value) && *value >= absl::ZeroDuration()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not a duration such as 30s, 1m30s or 250ms"));
}

void CommandLine::AddSwitch(const std::string& name, const std::string& help, bool* target) {
  flags_.push_back({name, "", help, "", [target](absl::string_view text) {
                      *target = text != "false";
                      return absl::OkStatus();
                    }});
}

void CommandLine::Section(const std::string& title) { flags_.push_back({"", "", title, "", nullptr}); }

const CommandLine::Flag* CommandLine::Find(absl::string_view name) const {
  for (const Flag& flag : flags_) {
    if (flag.parse != nullptr && flag.name == name) return &flag;
  }
  return nullptr;
}

absl::Status CommandLine::Parse(const std::vector<std::string>& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    absl::string_view argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      help_asked_ = true;
      return absl::OkStatus();
    }
    if (argument == "--") {
      positional_.insert(positional_.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                         arguments.end());
      break;
    }
    if (!absl::ConsumePrefix(&argument, "--")) {
      positional_.emplace_back(arguments[i]);
      continue;
    }
    const size_t equals = argument.find('=');
    const absl::string_view name = argument.substr(0, equals);
    const Flag* flag = Find(name);
    if (flag == nullptr && absl::StartsWith(name, "no-") && equals == absl::string_view::npos) {
      flag = Find(absl::StripPrefix(name, "no-"));
      if (flag != nullptr && flag->value_name.empty()) {
        if (absl::Status status = flag->parse("false"); !status.ok()) return status;
        continue;
      }
      flag = nullptr;
    }
    if (flag == nullptr)
      return absl::InvalidArgumentError(absl::StrCat("unknown flag --", name, "; see --help"));
    absl::string_view value = "true";
    if (equals != absl::string_view::npos) {
      value = argument.substr(equals + 1);
    } else if (!flag->value_name.empty()) {
      if (++i == arguments.size()) {
        return absl::InvalidArgumentError(absl::StrCat("--", name, " needs a value, ", flag->value_name));
      }
      value = arguments[i];
    }
    if (absl::Status status = flag->parse(value); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--", name, ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

std::string CommandLine::Help() const {
  std::string help = absl::StrCat("usage: ", usage_, "\n\n", description_, "\n");
  if (!flags_.empty() && flags_.front().parse != nullptr) help += "\n";
  const auto left = [](const Flag& flag) {
    return absl::StrCat("  --", flag.name, flag.value_name.empty() ? "" : " ", flag.value_name);
  };
  size_t width = 0;
  for (const Flag& flag : flags_) width = std::max(width, flag.parse == nullptr ? 0 : left(flag).size());
  for (const Flag& flag : flags_) {
    if (flag.parse == nullptr) {
      absl::StrAppend(&help, "\n", flag.help, ":\n");
      continue;
    }
    const std::string name = left(flag);
    absl::StrAppend(&help, name, std::string(width - name.size() + 2, ' '), flag.help,
                    flag.default_value.empty() ? "" : absl::StrCat(" (default ", flag.default_value, ")"),
                    "\n");
  }
  absl::StrAppend(&help, "  --help", std::string(width > 6 ? width - 6 : 2, ' '), "this text\n");
  return help;
}

}  // namespace hekla::service
