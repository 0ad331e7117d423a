// `hekla-model tokenize`: text to token ids and back with the tokenizer of a model file.
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "worker/base/status_macros.h"
#include "worker/model/gguf.h"
#include "worker/model/vocabulary_loader.h"
#include "worker/text/tokenizer.h"
#include "worker/tool/command.h"

namespace hekla::tool {
namespace {

struct TokenizeOptions {
  std::string model_path;
  std::string text_path;  // empty: lines of stdin
  bool no_bos = false;
  bool literal = false;
  bool decode = false;
  bool special = false;
};

// Ids separated by spaces, commas or line ends.
absl::StatusOr<std::string> Decode(const text::Tokenizer& tokenizer, const std::string& input, bool special) {
  const size_t pieces = tokenizer.vocabulary().pieces.size();
  std::vector<text::TokenId> ids;
  for (const absl::string_view word : absl::StrSplit(input, absl::ByAnyChar(" ,\t\r\n"), absl::SkipEmpty())) {
    text::TokenId id;
    if (!absl::SimpleAtoi(word, &id) || id < 0 || static_cast<size_t>(id) >= pieces) {
      return absl::InvalidArgumentError(absl::StrCat("\"", word, "\" is no token id from 0 to ", pieces - 1));
    }
    ids.push_back(id);
  }
  return tokenizer.Decode(ids, special);
}

absl::StatusOr<std::string> Convert(const text::Tokenizer& tokenizer, const TokenizeOptions& options,
                                    const std::string& input) {
  if (options.decode) return Decode(tokenizer, input, options.special);
  const text::EncodeOptions encode{.add_special = !options.no_bos, .parse_special = !options.literal};
  return absl::StrJoin(tokenizer.Encode(input, encode), " ");
}

absl::Status Tokenize(const TokenizeOptions& options) {
  HEKLA_ASSIGN_OR_RETURN(const auto file, model::Gguf::Open(options.model_path));
  auto named = [&](const absl::Status& status) { return WithContext(status, options.model_path); };
  auto vocabulary = model::LoadVocabulary(*file);
  if (!vocabulary.ok()) return named(vocabulary.status());
  auto tokenizer = text::Tokenizer::Create(*std::move(vocabulary));
  if (!tokenizer.ok()) return named(tokenizer.status());

  if (!options.text_path.empty()) {
    std::ifstream in(options.text_path, std::ios::binary);
    if (!in) return absl::NotFoundError(absl::StrCat("cannot open ", options.text_path));
    const std::string all((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (in.bad()) return absl::DataLossError(absl::StrCat("reading ", options.text_path, " failed"));
    HEKLA_ASSIGN_OR_RETURN(const std::string result, Convert(**tokenizer, options, all));
    std::cout << result << (options.decode ? "" : "\n") << std::flush;
    return absl::OkStatus();
  }
  std::string line;
  for (uint64_t number = 1; std::getline(std::cin, line); ++number) {
    auto result = Convert(**tokenizer, options, line);
    if (!result.ok()) return WithContext(result.status(), absl::StrCat("line ", number));
    std::cout << *result << '\n';
  }
  std::cout.flush();
  return absl::OkStatus();
}

}  // namespace

int TokenizeCommand(const std::vector<std::string>& words) {
  TokenizeOptions options;
  Arguments arguments(
      "tokenize",
      "Writes the token ids of every line of standard input, a line for a line, separated by spaces.\n"
      "With --decode it is the other way round: ids (separated by spaces or commas) to text.");
  arguments.AddPositional("FILE", "a GGUF model file; one with a vocabulary only will do",
                          &options.model_path);
  arguments.AddString("--file", "TEXT",
                      "convert this whole file as one text instead of lines of standard input",
                      &options.text_path);
  arguments.AddSwitch("--no-bos", "do not put begin- and end-of-text tokens around the ids", &options.no_bos);
  arguments.AddSwitch("--literal", "special pieces written in the text, such as <|im_end|>, are plain text",
                      &options.literal);
  arguments.AddSwitch("--decode", "ids to text", &options.decode);
  arguments.AddSwitch("--special", "with --decode: write control pieces such as <s> out", &options.special);
  return RunCommand(arguments, words, [&] { return Tokenize(options); });
}

}  // namespace hekla::tool
