#include "worker/text/pre_tokenizer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "worker/text/split_rules.h"
#include "worker/text/utf8.h"

namespace hekla::text {
namespace {

struct NamedRules {
  std::vector<absl::string_view> names;
  std::vector<SplitRule> rules;
  bool whole_words;
};

// Names as in tokenizer.ggml.pre. Source: the table of llama.cpp's llama-vocab.cpp.
const std::vector<NamedRules>& Table() {
  static const auto* table = new std::vector<NamedRules>{
      {{"", "default"}, {SplitPunctuationRun, SplitGpt2, SplitNumberRun, SplitThreeDigits}, false},
      {{"gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion", "granite-docling", "exaone4", "gigachat",
        "jina-es", "jina-de", "jina-v2-es", "jina-v2-de", "a.x-4.0", "mellum"},
       {SplitGpt2},
       false},
      {{"starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b"},
       {SplitOneNumber, SplitGpt2},
       false},
      {{"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"},
       {SplitLlama3},
       true},
      {{"dbrx", "smaug-bpe", "glm4", "chatglm-bpe"}, {SplitLlama3}, false},
      {{"qwen2", "deepseek-r1-qwen", "stablelm2", "megrez", "hunyuan", "solar-open", "grok-2"},
       {SplitQwen2},
       false},
      {{"deepseek-llm"},
       {SplitLineEnd, SplitDeepSeekLetters, SplitDeepSeekPunctuation, SplitTrailingSpace, SplitCjkRun,
        SplitNumberRun},
       false},
      {{"deepseek-coder"},
       {SplitLineEnd, SplitSpaceLetters, SplitSpacePunctuation, SplitCjkRun, SplitOneNumber},
       false},
      {{"deepseek-v3", "hunyuan-dense"}, {SplitUpToThreeNumbers, SplitDeepSeek3Cjk, SplitDeepSeek3}, false},
      {{"falcon"}, {SplitFalconPunctuation, SplitGpt2, SplitThreeDigits}, false},
  };
  return *table;
}

std::vector<Character> Characters(absl::string_view text) {
  std::vector<Character> characters;
  characters.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Utf8Character next = FirstUtf8(text.substr(at));
    const char32_t code = next.valid ? next.code : 0xFFFD;
    characters.push_back({code, static_cast<uint32_t>(at), ClassOf(code), IsSpace(code)});
    at += next.bytes;
  }
  return characters;
}

// Appends the ends of the parts that `rule` cuts [begin, end) into.
void Cut(SplitRule rule, absl::Span<const Character> characters, size_t begin, size_t end,
         std::vector<size_t>* ends) {
  const auto segment = characters.subspan(begin, end - begin);
  size_t done = 0;
  for (size_t at = 0; at < segment.size();) {
    const size_t taken = rule(segment, at);
    if (taken == 0) {
      ++at;
      continue;
    }
    if (at > done) ends->push_back(begin + at);
    at += taken;
    done = at;
    ends->push_back(begin + at);
  }
  if (done < segment.size()) ends->push_back(end);
}

}  // namespace

absl::StatusOr<PreTokenizer> PreTokenizer::Create(absl::string_view name) {
  for (const NamedRules& entry : Table()) {
    if (std::find(entry.names.begin(), entry.names.end(), name) == entry.names.end()) continue;
    PreTokenizer pre_tokenizer;
    pre_tokenizer.rules_ = entry.rules;
    pre_tokenizer.whole_words_ = entry.whole_words;
    return pre_tokenizer;
  }
  return absl::UnimplementedError(
      absl::StrCat("pre-tokenizer \"", absl::CHexEscape(name.substr(0, 80)), "\" is not supported"));
}

std::vector<absl::string_view> PreTokenizer::Split(absl::string_view text) const {
  const std::vector<Character> characters = Characters(text);
  std::vector<size_t> ends;
  if (!characters.empty()) ends.push_back(characters.size());
  for (const SplitRule rule : rules_) {
    std::vector<size_t> finer;
    finer.reserve(ends.size() * 2);
    size_t begin = 0;
    for (const size_t end : ends) {
      Cut(rule, characters, begin, end, &finer);
      begin = end;
    }
    ends = std::move(finer);
  }
  std::vector<absl::string_view> words;
  words.reserve(ends.size());
  size_t begin = 0;
  for (const size_t end : ends) {
    const size_t stop = end < characters.size() ? characters[end].begin : text.size();
    words.push_back(text.substr(begin, stop - begin));
    begin = stop;
  }
  return words;
}

}  // namespace hekla::text
