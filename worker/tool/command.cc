#include "worker/tool/command.h"

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace hekla::tool {
namespace {

constexpr Command kCommands[] = {
    {"info", "metadata, hyper-parameters and tensors of a model file", InfoCommand},
    {"tokenize", "text to token ids and back, with the tokenizer of a model file", TokenizeCommand},
    {"eval", "logits of token ids, and their likeliest continuation", EvalCommand},
    {"perplexity", "how well a model predicts a text", PerplexityCommand},
    {"bench", "prompt and decode speed, beside what the device could read", BenchCommand},
};

std::string Overview() {
  std::string text =
      "usage: hekla-model COMMAND [flags] FILE\n\n"
      "Looks into a language model file (GGUF), and runs and measures it without a server.\n\n"
      "commands:\n";
  for (const Command& command : Commands()) {
    absl::StrAppend(&text, absl::StrFormat("  %-12s %s\n", command.name, command.summary));
  }
  return text +
         "\n`hekla-model COMMAND --help` explains a command. Exit codes: 0 done, 1 failed (the reason on "
         "stderr), "
         "2 wrong usage.\n";
}

}  // namespace

absl::Span<const Command> Commands() { return kCommands; }

int Dispatch(const std::vector<std::string>& words) {
  if (words.empty()) {
    std::fputs(Overview().c_str(), stderr);
    return kExitUsage;
  }
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    std::fputs(Overview().c_str(), stdout);
    return kExitOk;
  }
  const Command* nearest = nullptr;
  for (const Command& command : Commands()) {
    if (words[0] == command.name) return command.run({words.begin() + 1, words.end()});
    if (nearest == nullptr || EditDistance(words[0], command.name) < EditDistance(words[0], nearest->name)) {
      nearest = &command;
    }
  }
  absl::FPrintF(stderr,
                "hekla-model: unknown command %s; the nearest is %s. `hekla-model --help` lists all.\n",
                words[0], nearest->name);
  return kExitUsage;
}

int RunCommand(Arguments& arguments, const std::vector<std::string>& words,
               const std::function<absl::Status()>& body) {
  if (const absl::Status parsed = arguments.Parse(words); !parsed.ok()) {
    absl::FPrintF(stderr, "hekla-model %s: %s\n%s (--help explains)\n", arguments.command(), parsed.message(),
                  arguments.Usage());
    return kExitUsage;
  }
  if (arguments.help_wanted()) {
    std::fputs(arguments.Help().c_str(), stdout);
    return kExitOk;
  }
  absl::Status status = body();
  if (status.ok() && (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)) {
    status = absl::DataLossError("writing the output failed");
  }
  if (status.ok()) return kExitOk;
  absl::FPrintF(stderr, "hekla-model: %s\n", status.message());
  return kExitError;
}

}  // namespace hekla::tool
