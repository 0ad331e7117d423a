// `hekla-model eval`: the logits of given token ids and their likeliest continuation.
#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "worker/base/status_macros.h"
#include "worker/tool/command.h"
#include "worker/tool/open_model.h"
#include "worker/tool/sequence_runner.h"

namespace hekla::tool {
namespace {

constexpr int64_t kMaxTokenId = INT32_MAX, kMaxChunk = 1 << 16, kMaxCount = 1 << 24;

struct EvalOptions {
  std::string model_path;
  std::vector<int64_t> tokens;
  int64_t greedy_tokens = 0;
  std::string logits_path;
  std::string device = "auto";
  int64_t chunk = 64;
  bool step = false;
};

absl::Status WriteLogits(const std::vector<schedule::TokenId>& tokens, int chunk, const std::string& path,
                         SequenceRunner* runner) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  if (!out) return absl::PermissionDeniedError(absl::StrCat("cannot write ", path));
  HEKLA_RETURN_IF_ERROR(runner->Feed(tokens, chunk, [&](int, absl::Span<const float> logits) {
    out.write(reinterpret_cast<const char*>(logits.data()), logits.size() * sizeof(float));
    return out ? absl::OkStatus() : absl::DataLossError(absl::StrCat("writing ", path, " failed"));
  }));
  out.close();
  return out ? absl::OkStatus() : absl::DataLossError(absl::StrCat("writing ", path, " failed"));
}

absl::Status Eval(const EvalOptions& options) {
  if (options.tokens.empty()) return absl::InvalidArgumentError("--tokens is required");
  if (options.greedy_tokens == 0 && options.logits_path.empty()) {
    return absl::InvalidArgumentError("nothing to do: give --logits, --greedy or both");
  }
  HEKLA_ASSIGN_OR_RETURN(const PlannedModel model, PlanModel(options.model_path));
  const int chunk =
      static_cast<int>(options.step ? 1 : std::min<int64_t>(options.chunk, options.tokens.size()));
  engine::ExecutorOptions room;
  room.max_context = static_cast<int>(options.tokens.size() + options.greedy_tokens);
  room.max_rows = chunk;
  room.max_samples = chunk;
  HEKLA_ASSIGN_OR_RETURN(const std::unique_ptr<engine::Executor> executor,
                         LoadModel(model, options.device, room));

  const std::vector<schedule::TokenId> tokens(options.tokens.begin(), options.tokens.end());
  SequenceRunner runner(executor.get());
  if (!options.logits_path.empty()) {
    HEKLA_RETURN_IF_ERROR(WriteLogits(tokens, chunk, options.logits_path, &runner));
    runner.Restart();
  }
  if (options.greedy_tokens > 0) {
    HEKLA_ASSIGN_OR_RETURN(const std::vector<schedule::TokenId> ids,
                           runner.Continue(tokens, chunk, static_cast<int>(options.greedy_tokens)));
    std::cout << absl::StrJoin(ids, ",") << std::endl;
  }
  return absl::OkStatus();
}

}  // namespace

int EvalCommand(const std::vector<std::string>& words) {
  EvalOptions options;
  Arguments arguments(
      "eval",
      "Computes the logits of a sequence of token ids, its likeliest continuation, or both.\n"
      "The ids of the continuation go to standard output, separated by commas. No text is involved:\n"
      "`hekla-model tokenize` gives ids.");
  arguments.AddPositional("FILE", "the GGUF model file", &options.model_path);
  arguments.AddIntList("--tokens", "IDS", "the token ids, separated by commas", 0, kMaxTokenId,
                       &options.tokens);
  arguments.AddInt("--greedy", "N", "continue by the N likeliest tokens, one after the other", 0, kMaxCount,
                   &options.greedy_tokens);
  arguments.AddString("--logits", "OUT", "write the logits of every position: float32 [tokens][vocabulary]",
                      &options.logits_path);
  arguments.AddString("--device", "D", kDeviceHelp, &options.device);
  arguments.AddInt("--chunk", "N", "tokens computed in one step", 1, kMaxChunk, &options.chunk);
  arguments.AddSwitch("--step", "one token a step, the same as --chunk 1", &options.step);
  return RunCommand(arguments, words, [&] { return Eval(options); });
}

}  // namespace hekla::tool
