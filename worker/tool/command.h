// The sub-commands of `hekla-model`: one table, one function each, in NAME_command.cc. A new command is a
// declaration here and a line in command.cc. Output goes to stdout, everything else to stderr.
//
// A command's function has the form
//
//   int InfoCommand(const std::vector<std::string>& words) {
//     InfoOptions options;
//     Arguments arguments("info", "Shows what a model file holds.");
//     arguments.AddPositional("FILE", "the model file", &options.path);
//     return RunCommand(arguments, words, [&] { return ShowInfo(options); });
//   }
#ifndef HEKLA_WORKER_TOOL_COMMAND_H_
#define HEKLA_WORKER_TOOL_COMMAND_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "worker/tool/arguments.h"

namespace hekla::tool {

inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;  // the work failed: file missing or damaged, device lost, ...
inline constexpr int kExitUsage = 2;  // the command line is wrong

struct Command {
  const char* name;
  const char* summary;                                // one line of `hekla-model --help`
  int (*run)(const std::vector<std::string>& words);  // what follows the name; returns an exit code
};

absl::Span<const Command> Commands();

// Runs the command that words[0] names. Without words, or with --help, the list of commands.
int Dispatch(const std::vector<std::string>& words);

// Parses `words` and runs `body`: help (exit code 0), "usage" errors (2), errors of `body` as "hekla-model:
// MESSAGE" (1).
int RunCommand(Arguments& arguments, const std::vector<std::string>& words,
               const std::function<absl::Status()>& body);

int BenchCommand(const std::vector<std::string>& words);
int EvalCommand(const std::vector<std::string>& words);
int InfoCommand(const std::vector<std::string>& words);
int PerplexityCommand(const std::vector<std::string>& words);
int TokenizeCommand(const std::vector<std::string>& words);

}  // namespace hekla::tool

#endif  // HEKLA_WORKER_TOOL_COMMAND_H_
