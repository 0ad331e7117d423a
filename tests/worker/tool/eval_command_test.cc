#include <cstdio>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
#include "tests/support/golden_model.h"
#include "worker/tool/command.h"

namespace hekla::tool {
namespace {

using testing::HasSubstr;

struct Outcome {
  int code = 0;
  std::string out, err;
};

Outcome Eval(std::vector<std::string> words) {
  words.insert(words.begin(), "eval");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = Dispatch(words);
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.err = testing::internal::GetCapturedStderr();
  return outcome;
}

std::vector<float> ReadFloats(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  std::vector<float> values(size_t(std::max<std::streamoff>(in.tellg(), 0)) / sizeof(float));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(values.data()), values.size() * sizeof(float));
  return values;
}

const std::string kTokens = absl::StrJoin(test::GoldenTokens(), ",");

TEST(EvalCommandTest, WritesTheLogitsOfEveryPosition) {
  const std::string path = testing::TempDir() + "hekla_eval_logits.f32";
  std::vector<float> whole;
  for (const char* how : {"--chunk=40", "--chunk=3", "--step"}) {
    const Outcome outcome =
        Eval({test::GoldenPath("qwen3.gguf"), "--tokens", kTokens, "--device", "cpu", "--logits", path, how});
    EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    const std::vector<float> logits = ReadFloats(path);
    ASSERT_EQ(logits.size(), 40u * 83);
    EXPECT_LT(test::RelativeError(logits, test::GoldenLogits("qwen3")), 1e-3);
    if (whole.empty()) whole = logits;
    EXPECT_EQ(logits, whole) << how;
  }
  std::remove(path.c_str());
}

TEST(EvalCommandTest, PrintsTheContinuation) {
  const Outcome four =
      Eval({test::GoldenPath("llama-plain.gguf"), "--tokens=1,2,3", "--greedy=4", "--device=cpu"});
  EXPECT_EQ(four.code, kExitOk) << four.err;
  EXPECT_THAT(four.out, testing::MatchesRegex("[0-9]+,[0-9]+,[0-9]+,[0-9]+\n"));
  const Outcome two =
      Eval({test::GoldenPath("llama-plain.gguf"), "--tokens=1,2,3", "--greedy=2", "--device=cpu"});
  EXPECT_EQ(four.out.substr(0, two.out.size() - 1), two.out.substr(0, two.out.size() - 1));
}

TEST(EvalCommandTest, ErrorsNameWhatIsWrong) {
  const std::string model = test::GoldenPath("llama-plain.gguf");
  const auto fails = [](const std::vector<std::string>& words, int code, const std::string& text) {
    const Outcome outcome = Eval(words);
    EXPECT_EQ(outcome.code, code);
    EXPECT_THAT(outcome.err, HasSubstr(text));
  };
  fails({model, "--tokens=1,97", "--greedy=1", "--device=cpu"}, kExitError,
        "token 1 is 97, the vocabulary has 0..96");
  fails({model, "--tokens=1", "--device=cpu"}, kExitError, "--logits, --greedy or both");
  fails({model, "--greedy=1", "--device=cpu"}, kExitError, "--tokens is required");
  fails({model, "--tokens=-1", "--greedy=1"}, kExitUsage, "--tokens");
  fails({model, "--tokens=1", "--greedy=1", "--device=abacus"}, kExitError, "abacus");
  fails({model + ".missing", "--tokens=1", "--greedy=1", "--device=cpu"}, kExitError, "missing");
  fails({model, "--tokens=1", "--device=cpu", "--logits=/nowhere/out.f32"}, kExitError,
        "cannot write /nowhere/out.f32");
}

}  // namespace
}  // namespace hekla::tool
