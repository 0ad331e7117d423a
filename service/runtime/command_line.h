// Flags of a program or of one of its commands: --name VALUE or --name=VALUE, switches as --name or
// --no-name.
//
//   CommandLine line("hekla-router [FLAGS]", "Sends generations to a pool of workers.");
//   line.Add("listen", "HOST:PORT", "where clients connect", &config.listen);
//   HEKLA_RETURN_IF_ERROR(line.Parse(arguments));
#ifndef HEKLA_SERVICE_RUNTIME_COMMAND_LINE_H_
#define HEKLA_SERVICE_RUNTIME_COMMAND_LINE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace hekla::service {

// Text to a value: INVALID_ARGUMENT "'12x' is not a whole number".
absl::Status ParseFlagValue(absl::string_view text, std::string* value);
absl::Status ParseFlagValue(absl::string_view text, int* value);
absl::Status ParseFlagValue(absl::string_view text, uint32_t* value);
absl::Status ParseFlagValue(absl::string_view text, int64_t* value);
absl::Status ParseFlagValue(absl::string_view text, uint64_t* value);
absl::Status ParseFlagValue(absl::string_view text, float* value);
absl::Status ParseFlagValue(absl::string_view text, absl::Duration* value);  // "30s", "1m30s", "250ms"
template <typename T>
absl::Status ParseFlagValue(absl::string_view text, std::optional<T>* value) {
  return ParseFlagValue(text, &value->emplace());
}
// Each time it is given one more.
template <typename T>
absl::Status ParseFlagValue(absl::string_view text, std::vector<T>* values) {
  return ParseFlagValue(text, &values->emplace_back());
}

// A value as --help shows it; "" for none.
inline std::string ShowFlagValue(const std::string& value) { return value; }
inline std::string ShowFlagValue(absl::Duration value) { return absl::FormatDuration(value); }
template <typename T>
std::string ShowFlagValue(const T& value) {
  return absl::StrCat(value);
}
template <typename T>
std::string ShowFlagValue(const std::optional<T>& value) {
  return value.has_value() ? ShowFlagValue(*value) : "";
}
template <typename T>
std::string ShowFlagValue(const std::vector<T>&) {
  return "";
}

class CommandLine {
 public:
  CommandLine(std::string usage, std::string description)
      : usage_(std::move(usage)), description_(std::move(description)) {}

  // The target's value now is the default.
  template <typename T>
  void Add(const std::string& name, const std::string& value_name, const std::string& help, T* target) {
    flags_.push_back({name, value_name, help, ShowFlagValue(*target),
                      [target](absl::string_view text) { return ParseFlagValue(text, target); }});
  }
  void AddSwitch(const std::string& name, const std::string& help, bool* target);
  // A heading in --help over the flags that follow.
  void Section(const std::string& title);

  // Takes the flags out of `arguments` (without the program's name); what is left is positional(). "--" ends
  // the flags. INVALID_ARGUMENT names the flag and the value.
  absl::Status Parse(const std::vector<std::string>& arguments);
  const std::vector<std::string>& positional() const { return positional_; }
  bool help_asked() const { return help_asked_; }  // --help or -h
  std::string Help() const;

 private:
  struct Flag {
    std::string name;
    std::string value_name;  // "" = a switch
    std::string help;        // of a section: its title
    std::string default_value;
    std::function<absl::Status(absl::string_view)> parse;  // none = a section
  };
  const Flag* Find(absl::string_view name) const;

  const std::string usage_, description_;
  std::vector<Flag> flags_;
  std::vector<std::string> positional_;
  bool help_asked_ = false;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_COMMAND_LINE_H_
