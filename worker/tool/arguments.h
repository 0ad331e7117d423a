// The arguments of one sub-command: declared once, they are parsed, checked and explained by --help. Flags
// are written
// "--tokens 1,5", "--tokens=1,5" or "-p 512"; a switch takes no value; "--" ends the flags.
// Lifetime: the targets must outlive Parse().
#ifndef HEKLA_WORKER_TOOL_ARGUMENTS_H_
#define HEKLA_WORKER_TOOL_ARGUMENTS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace hekla::tool {

class Arguments {
 public:
  // `command`: "info"; `description`: what it does, one or more lines, the first a whole sentence.
  Arguments(std::string command, std::string description)
      : command_(std::move(command)), description_(std::move(description)) {}

  // A positional argument, in the order of the calls; every one is required. `name`: "FILE".
  void AddPositional(std::string name, std::string help, std::string* value);
  // Flags, by their full name ("--tokens", "-p"). What stands in `value` beforehand is the default, told by
  // --help. `placeholder`: "N", "FILE". Values outside [low, high] are refused with the limits.
  void AddSwitch(std::string name, std::string help, bool* value);
  void AddString(std::string name, std::string placeholder, std::string help, std::string* value);
  void AddInt(std::string name, std::string placeholder, std::string help, int64_t low, int64_t high,
              int64_t* value);
  void AddFloat(std::string name, std::string placeholder, std::string help, double low, double high,
                double* value);
  // Comma-separated: "1,8,32".
  void AddIntList(std::string name, std::string placeholder, std::string help, int64_t low, int64_t high,
                  std::vector<int64_t>* value);

  // INVALID_ARGUMENT: an unknown flag (with the nearest known one), a flag without its value, a value that
  // does not fit, a positional argument too many or missing. After --help or -h help_wanted() is true and
  // nothing is checked.
  absl::Status Parse(const std::vector<std::string>& arguments);
  bool help_wanted() const { return help_wanted_; }
  bool WasGiven(absl::string_view name) const;

  const std::string& command() const { return command_; }
  // "usage: hekla-model info [flags] FILE"
  std::string Usage() const;
  // Usage, description, and a line for every argument.
  std::string Help() const;

 private:
  struct Flag {
    std::string name, placeholder, help, fallback;
    std::function<absl::Status(absl::string_view)> set;  // empty placeholder: called with ""
    bool given = false;
  };
  struct Positional {
    std::string name, help;
    std::string* value;
  };
  Flag* Find(absl::string_view name);
  absl::Status UnknownFlag(absl::string_view name) const;

  std::string command_, description_;
  std::vector<Flag> flags_;
  std::vector<Positional> positionals_;
  bool help_wanted_ = false;
};

// The least number of inserted, removed and changed characters that make `a` into `b`.
int EditDistance(absl::string_view a, absl::string_view b);

}  // namespace hekla::tool

#endif  // HEKLA_WORKER_TOOL_ARGUMENTS_H_
