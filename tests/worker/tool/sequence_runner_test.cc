#include "worker/tool/sequence_runner.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/golden_model.h"
#include "worker/engine/make_executor.h"

namespace hekla::tool {
namespace {

using schedule::TokenId;

std::unique_ptr<engine::Executor> Make(const model::Plan& plan) {
  engine::ExecutorOptions options;
  options.max_context = 96;
  options.max_samples = 16;
  auto made = engine::MakeExecutor(plan, "cpu", options);
  EXPECT_TRUE(made.ok()) << made.status();
  return *std::move(made);
}

std::vector<float> Logits(SequenceRunner* runner, const std::vector<TokenId>& tokens, int chunk) {
  std::vector<float> logits;
  int next = 0;
  const absl::Status status = runner->Feed(tokens, chunk, [&](int first, absl::Span<const float> part) {
    EXPECT_EQ(first, next);
    logits.insert(logits.end(), part.begin(), part.end());
    next = int(logits.size()) / 90;
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  return logits;
}

TEST(SequenceRunnerTest, LogitsDoNotDependOnTheChunk) {
  const test::GoldenModel golden("qwen2");
  const auto executor = Make(golden.plan);
  SequenceRunner runner(executor.get());
  const std::vector<float> whole = Logits(&runner, test::GoldenTokens(), 1000);
  EXPECT_LT(test::RelativeError(whole, test::GoldenLogits("qwen2")), 1e-3);
  for (int chunk : {1, 7}) {
    runner.Restart();
    EXPECT_EQ(Logits(&runner, test::GoldenTokens(), chunk), whole);
  }
}

// What Continue gives is the largest logit of each position when its own output is fed back.
TEST(SequenceRunnerTest, ContinuationIsGreedy) {
  const test::GoldenModel golden("qwen2");
  const auto executor = Make(golden.plan);
  SequenceRunner runner(executor.get());
  std::vector<TokenId> tokens = test::GoldenTokens();
  const auto continued = runner.Continue(tokens, 7, 20);
  ASSERT_TRUE(continued.ok()) << continued.status();
  ASSERT_EQ(continued->size(), 20u);
  tokens.insert(tokens.end(), continued->begin(), continued->end());
  runner.Restart();
  const std::vector<float> logits = Logits(&runner, tokens, 16);
  for (int i = 39; i < 59; ++i) {
    const auto begin = logits.begin() + i * 90;
    EXPECT_EQ(std::max_element(begin, begin + 90) - begin, tokens[i + 1]) << "position " << i;
  }
}

TEST(SequenceRunnerTest, RefusesTokensAndLengthsThatDoNotFit) {
  const test::GoldenModel golden("qwen2");
  const auto executor = Make(golden.plan);
  SequenceRunner runner(executor.get());
  const auto refused = [&](const std::vector<TokenId>& tokens, int count, const std::string& text) {
    const absl::Status status = runner.Continue(tokens, 8, count).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(text));
  };
  refused({1, 90}, 1, "token 1 is 90, the vocabulary has 0..89");
  refused({-1}, 1, "token 0 is -1");
  refused({}, 1, "at least one token");
  refused({1}, 97, "the sequence would have 97 tokens, the context is 96");
  EXPECT_TRUE(runner.Continue({1}, 8, 96).ok());
}

TEST(SequenceRunnerTest, TheSinkCanEndIt) {
  const test::GoldenModel golden("qwen2");
  const auto executor = Make(golden.plan);
  SequenceRunner runner(executor.get());
  const std::vector<TokenId> tokens = {1, 2};
  const absl::Status status =
      runner.Feed(tokens, 1, [](int, absl::Span<const float>) { return absl::DataLossError("disk full"); });
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace hekla::tool
