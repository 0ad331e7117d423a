#include "service/client/command.h"

#include <iterator>

#include "absl/strings/strip.h"
#include "service/runtime/status.h"
#include "service/runtime/version.h"

namespace hekla::service {
namespace {

constexpr char kHelp[] =
    "usage: hekla COMMAND [FLAGS]\n"
    "\n"
    "Talks to a Hekla router, or to one worker.\n"
    "\n"
    "  generate  continue a prompt and print the text as it comes\n"
    "  batch     continue many prompts at once\n"
    "  models    what can be asked for, with its limits\n"
    "  tokenize  text to token ids and back\n"
    "  health    is it serving? exit code 0 yes, 1 no\n"
    "  bench     put a load on it and measure latencies, rates and errors; --chaos: with faults\n"
    "\n"
    "On the router's admin port (127.0.0.1:8091 unless --address says another):\n"
    "\n"
    "  workers   the router's workers and their load\n"
    "  inflight  the requests there are\n"
    "  top       both, again and again\n"
    "  drain     no new requests for a worker; undrain takes it back\n"
    "  cancel    end requests\n"
    "\n"
    "  hekla generate --prompt \"Once upon a time\" --max-tokens 100\n"
    "  hekla COMMAND --help names a command's flags\n"
    "\n"
    "Exit codes: 0 done, 1 an error, 2 wrong usage, 130 ended by Ctrl-C.\n";

struct NamedCommand {
  const char* name;
  int (*run)(const std::vector<std::string>&, const CommandStreams&);
};
constexpr NamedCommand kCommands[] = {{"generate", RunGenerate}, {"batch", RunBatch},
                                      {"models", RunModels},     {"tokenize", RunTokenize},
                                      {"health", RunHealth},     {"workers", RunWorkers},
                                      {"bench", RunBench},       {"drain", RunDrain},
                                      {"undrain", RunUndrain},   {"inflight", RunInflight},
                                      {"cancel", RunCancel},     {"top", RunTop}};

}  // namespace

int RunHekla(const std::vector<std::string>& arguments, const CommandStreams& streams) {
  if (arguments.empty()) {
    streams.err << kHelp;
    return kExitUsage;
  }
  const std::string& name = arguments[0];
  if (name == "--help" || name == "-h" || name == "help") {
    streams.out << kHelp;
    return kExitOk;
  }
  if (name == "--version") {
    streams.out << "hekla " << kVersion << "\n";
    return kExitOk;
  }
  for (const NamedCommand& command : kCommands) {
    if (name == command.name) return command.run({arguments.begin() + 1, arguments.end()}, streams);
  }
  streams.err << "hekla: there is no command '" << name << "'; see hekla --help\n";
  return kExitUsage;
}

bool ParseOrExplain(CommandLine& line, const std::vector<std::string>& arguments,
                    const CommandStreams& streams, int* exit_code) {
  const absl::Status status = line.Parse(arguments);
  if (!status.ok()) {
    streams.err << "hekla: " << status.message() << "\n";
    *exit_code = kExitUsage;
    return false;
  }
  if (line.help_asked()) {
    streams.out << line.Help();
    *exit_code = kExitOk;
    return false;
  }
  return true;
}

int Fail(const absl::Status& status, const CommandStreams& streams) {
  if (absl::IsCancelled(status) && streams.interrupted()) {
    streams.err << "hekla: cancelled\n";
    return kExitCancelled;
  }
  streams.err << "hekla: " << Describe(status) << "\n";
  return kExitError;
}

std::string ReadAll(std::istream& in) {
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  return std::string(absl::StripSuffix(text, "\n"));
}

}  // namespace hekla::service
