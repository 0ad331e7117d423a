#include "worker/text/pre_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_join.h"

namespace hekla::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<absl::string_view> Split(absl::string_view name, absl::string_view text) {
  auto pre_tokenizer = PreTokenizer::Create(name);
  EXPECT_TRUE(pre_tokenizer.ok()) << pre_tokenizer.status();
  return pre_tokenizer->Split(text);
}

TEST(PreTokenizer, Gpt2) {
  EXPECT_THAT(Split("gpt-2", "Hello, I'll go  now 123!"),
              ElementsAre("Hello", ",", " I", "'ll", " go", " ", " now", " 123", "!"));
  EXPECT_THAT(Split("gpt-2", "a \n b\n"), ElementsAre("a", " \n", " b", "\n"));
  EXPECT_THAT(Split("gpt-2", "I'LL"), ElementsAre("I", "'", "LL"));
  EXPECT_THAT(Split("gpt-2", "   "), ElementsAre("   "));
  EXPECT_THAT(Split("gpt-2", ""), ElementsAre());
}

TEST(PreTokenizer, Llama3TakesThreeNumbersAndLineEnds) {
  EXPECT_THAT(Split("llama-bpe", "I'LL pay 12345 now.\n\n ok"),
              ElementsAre("I", "'LL", " pay", " ", "123", "45", " now", ".\n\n", " ok"));
  EXPECT_THAT(Split("llama-bpe", "  \n\n  x"), ElementsAre("  \n\n", " ", " x"));
  EXPECT_THAT(Split("llama-bpe", "(abc"), ElementsAre("(abc"));
  EXPECT_THAT(Split("llama-bpe", "\tabc"), ElementsAre("\tabc"));
}

TEST(PreTokenizer, Qwen2TakesOneNumber) {
  EXPECT_THAT(Split("qwen2", "a 123"), ElementsAre("a", " ", "1", "2", "3"));
  EXPECT_THAT(Split("qwen2", "x=\"y\""), ElementsAre("x", "=\"", "y", "\""));
}

TEST(PreTokenizer, SmollmCutsNumbersFirst) {
  EXPECT_THAT(Split("smollm", "we  12 go"), ElementsAre("we", "  ", "1", "2", " go"));
}

TEST(PreTokenizer, DefaultCutsPunctuationFirst) {
  EXPECT_THAT(Split("default", "a, b 12345$x"), ElementsAre("a", ",", " b", " ", "123", "45", "$", "x"));
}

TEST(PreTokenizer, DeepSeek) {
  EXPECT_THAT(Split("deepseek-coder", "if (x1) {\n"), ElementsAre("if", " (", "x", "1", ")", " {", "\n"));
  EXPECT_THAT(Split("deepseek-llm", "Hi there 12\n"), ElementsAre("Hi", " there", " ", "12", "\n"));
  EXPECT_THAT(Split("deepseek-v3", "x.foo 1234"), ElementsAre("x", ".foo", " ", "123", "4"));
}

TEST(PreTokenizer, NamesWhatItDoesNotKnow) {
  const absl::Status status = PreTokenizer::Create("klingon\n").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"klingon\\n\""));
}

// Whatever the bytes, the words put together are the text, and none is empty.
TEST(PreTokenizer, WordsCoverAnyText) {
  constexpr uint32_t kSeed = 11;
  std::mt19937 random(kSeed);
  const char* const parts[] = {"a",
                               "Z",
                               " ",
                               "  ",
                               "\n",
                               "\r",
                               "\t",
                               "1",
                               "23",
                               ".",
                               "'s",
                               "'",
                               "$",
                               "\xC3\xA4",
                               "\xE4\xB8\xAD",
                               "\xF0\x9F\x98\x80",
                               "\xCC\x81",
                               "\xE2\x80\x8A",
                               "\xFF",
                               "\xE2\x96"};
  for (const char* name : {"default", "gpt-2", "smollm", "llama-bpe", "dbrx", "qwen2", "deepseek-llm",
                           "deepseek-coder", "deepseek-v3", "falcon"}) {
    for (int i = 0; i < 300; ++i) {
      std::string text;
      for (uint32_t n = random() % 12; n > 0; --n) text += parts[random() % std::size(parts)];
      const auto words = Split(name, text);
      ASSERT_EQ(absl::StrJoin(words, ""), text) << name << " seed " << kSeed;
      for (const auto word : words) ASSERT_FALSE(word.empty()) << name << " seed " << kSeed;
    }
  }
}

}  // namespace
}  // namespace hekla::text
