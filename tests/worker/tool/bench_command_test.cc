#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/golden_model.h"
#include "worker/tool/command.h"

namespace hekla::tool {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

struct Outcome {
  int code = 0;
  std::string out, err;
};

Outcome Bench(std::vector<std::string> words) {
  words.insert(words.begin(), {"bench", test::GoldenPath("llama-plain.gguf"), "-p=8", "-n=4"});
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = Dispatch(words);
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.err = testing::internal::GetCapturedStderr();
  return outcome;
}

TEST(BenchCommandTest, JsonHasEveryFieldForEveryRow) {
  for (const char* device : {"--device=cpu", "--device=auto"}) {
    const Outcome outcome = Bench({"-b=1,3", "--json", device});
    ASSERT_EQ(outcome.code, kExitOk) << outcome.err;
    for (const char* sequences : {"1", "3"}) {
      EXPECT_THAT(outcome.out, ContainsRegex(std::string("\"sequences\": ") + sequences +
                                             ", \"prompt_tokens\": 8, \"decode_tokens\": 4, \"prefill_tokens_per_second\": [0-9]*[1-9]"));
    }
    for (const char* field : {"model", "device", "decode_tokens_per_second", "bytes_per_token", "achieved_bytes_per_second",
                              "launches_per_token", "host_us_per_token"}) {
      EXPECT_THAT(outcome.out, HasSubstr(std::string("\"") + field + "\": ")) << device;
    }
    EXPECT_THAT(outcome.out, ContainsRegex("\"limit_bytes_per_second\": [1-9]")) << device;
  }
}

TEST(BenchCommandTest, ProfileNamesTheLaunchesOfADecodeStep) {
  const Outcome outcome = Bench({"-b=2", "--profile"});
  ASSERT_EQ(outcome.code, kExitOk) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("2 sequence(s), launches of a decode step one at a time"));
  for (const char* kernel : {"begin_step", "embed", "matvec_qkv", "attention", "matvec_residual", "matvec_gate_up",
                             "matvec_store", "sample"}) {
    EXPECT_THAT(outcome.out, ContainsRegex(std::string("[1-9][0-9]* x ") + kernel)) << kernel;
  }
}

TEST(BenchCommandTest, RefusesWhatDoesNotGoTogether) {
  EXPECT_THAT(Bench({"--json", "--profile"}).err, HasSubstr("--json and --profile exclude each other"));
  EXPECT_THAT(Bench({"--profile", "--device=cpu"}).err, HasSubstr("--profile needs a Vulkan device"));
  EXPECT_EQ(Bench({"-b=0"}).code, kExitUsage);
}

}  // namespace
}  // namespace hekla::tool
