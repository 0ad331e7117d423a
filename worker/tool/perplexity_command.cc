// `hekla-model perplexity`: how well a model predicts a text.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "worker/base/status_macros.h"
#include "worker/model/vocabulary_loader.h"
#include "worker/text/tokenizer.h"
#include "worker/tool/command.h"
#include "worker/tool/open_model.h"
#include "worker/tool/sequence_runner.h"

namespace hekla::tool {
namespace {

using schedule::TokenId;

constexpr int kChunk = 64;  // tokens computed in one step
constexpr int64_t kMaxContext = 1 << 24;

struct PerplexityOptions {
  std::string model_path, text_path;
  std::string device = "auto";
  int64_t context = 512;
};

// The sum of -ln p over the tokens that were predicted.
struct Score {
  double negative_log_likelihood = 0;
  int64_t tokens = 0;

  double mean() const { return tokens == 0 ? 0 : negative_log_likelihood / tokens; }
};

// -ln softmax(logits)[token]
double NegativeLogLikelihood(absl::Span<const float> logits, TokenId token) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float l : logits) sum += std::exp(double(l) - largest);
  return std::log(sum) - (double(logits[token]) - largest);
}

absl::StatusOr<std::string> ReadText(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat("cannot open ", path));
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (in.bad()) return absl::DataLossError(absl::StrCat("reading ", path, " failed"));
  return text;
}

// Adds the score of every token of `window` but the first.
absl::Status ScoreWindow(const std::vector<TokenId>& window, int vocabulary, SequenceRunner* runner,
                         Score* score) {
  runner->Restart();
  return runner->Feed(window, kChunk, [&](int first, absl::Span<const float> logits) {
    for (size_t i = 0; (i + 1) * vocabulary <= logits.size(); ++i) {
      const size_t next = first + i + 1;
      if (next == window.size()) break;
      score->negative_log_likelihood +=
          NegativeLogLikelihood(logits.subspan(i * vocabulary, vocabulary), window[next]);
      ++score->tokens;
    }
    return absl::OkStatus();
  });
}

// Every window begins anew: with the begin-of-text token if the vocabulary has it put there, else with a
// token that is not scored.
std::vector<std::vector<TokenId>> Windows(const std::vector<TokenId>& ids, const text::Vocabulary& vocabulary,
                                          int context) {
  std::vector<std::vector<TokenId>> windows;
  const bool bos = vocabulary.add_bos && vocabulary.bos >= 0;
  const size_t step = context - (bos ? 1 : 0);
  for (size_t at = 0; at < ids.size(); at += step) {
    const size_t end = std::min(ids.size(), at + step);
    std::vector<TokenId> window;
    window.reserve(end - at + 1);
    if (bos) window.push_back(vocabulary.bos);
    for (size_t i = at; i < end; ++i) window.push_back(ids[i]);
    if (window.size() > 1) windows.push_back(std::move(window));
  }
  return windows;
}

void ShowProgress(size_t done, size_t total, const Score& score) {
  const bool terminal = isatty(STDERR_FILENO);
  absl::FPrintF(stderr, "%swindow %d of %d, perplexity so far %.4f%s", terminal ? "\r" : "", done, total,
                std::exp(score.mean()), terminal && done < total ? "" : "\n");
}

absl::Status Perplexity(const PerplexityOptions& options) {
  if (options.text_path.empty()) return absl::InvalidArgumentError("--text is required");
  HEKLA_ASSIGN_OR_RETURN(const std::string text, ReadText(options.text_path));
  HEKLA_ASSIGN_OR_RETURN(const PlannedModel model, PlanModel(options.model_path));
  auto vocabulary = model::LoadVocabulary(*model.file);
  if (!vocabulary.ok()) return WithContext(vocabulary.status(), options.model_path);
  auto tokenizer = text::Tokenizer::Create(*std::move(vocabulary));
  if (!tokenizer.ok()) return WithContext(tokenizer.status(), options.model_path);

  const std::vector<TokenId> ids = (*tokenizer)->Encode(text, {.add_special = false, .parse_special = false});
  const int context = static_cast<int>(std::min<int64_t>(options.context, model.plan.config.context_length));
  if (context < 2)
    return absl::InvalidArgumentError("the model's context is one token, nothing can be predicted");
  const std::vector<std::vector<TokenId>> windows = Windows(ids, (*tokenizer)->vocabulary(), context);
  if (windows.empty())
    return absl::InvalidArgumentError(
        absl::StrCat(options.text_path, " is too short, it has ", ids.size(), " tokens"));

  engine::ExecutorOptions room;
  room.max_context = context;
  room.max_rows = room.max_samples = std::min(kChunk, context);
  HEKLA_ASSIGN_OR_RETURN(const std::unique_ptr<engine::Executor> executor,
                         LoadModel(model, options.device, room));
  SequenceRunner runner(executor.get());
  Score score;
  for (size_t i = 0; i < windows.size(); ++i) {
    HEKLA_RETURN_IF_ERROR(ScoreWindow(windows[i], model.plan.config.vocabulary, &runner, &score));
    ShowProgress(i + 1, windows.size(), score);
  }
  absl::PrintF("tokens %d\nmean negative log-likelihood %.6f\nperplexity %.4f\n", score.tokens, score.mean(),
               std::exp(score.mean()));
  return absl::OkStatus();
}

}  // namespace

int PerplexityCommand(const std::vector<std::string>& words) {
  PerplexityOptions options;
  Arguments arguments(
      "perplexity",
      "Measures how well a model predicts a text; the lower the better.\n"
      "The text is cut into windows of --context tokens; each begins anew. Prints the number of predicted\n"
      "tokens, the mean of -ln p, and its exponential.");
  arguments.AddPositional("FILE", "the GGUF model file", &options.model_path);
  arguments.AddString("--text", "FILE", "the text, UTF-8", &options.text_path);
  arguments.AddString("--device", "D", kDeviceHelp, &options.device);
  arguments.AddInt("--context", "N", "tokens of one window, at most the model's context", 2, kMaxContext,
                   &options.context);
  return RunCommand(arguments, words, [&] { return Perplexity(options); });
}

}  // namespace hekla::tool
