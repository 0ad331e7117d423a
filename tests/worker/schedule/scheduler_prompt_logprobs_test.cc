// Prompts whose log probabilities are asked for: a sample a row, each token's once, and nobody starved.
#include <algorithm>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/schedule/scheduler_fixture.h"

namespace hekla::schedule {
namespace {

using test::Ask;
using test::Options;

Request Scored(uint64_t id, int prompt_tokens, int max_tokens, int priority = 1) {
  Request request = Ask(id, prompt_tokens, max_tokens, priority);
  request.sampling.prompt_logprobs = 2;
  return request;
}

class SchedulerPromptLogprobsTest : public test::SchedulerTest {
 protected:
  // Every request gave its own output and, where asked for, its prompt's log probabilities, each once.
  void ExpectAllAsAlone() {
    for (const auto& [id, request] : requests_) {
      SCOPED_TRACE(id);
      const test::ExpectedOutput alone = test::OutputAlone(request, options_);
      EXPECT_EQ(output_[id], alone.tokens);
      EXPECT_EQ(prompt_logprobs_[id], alone.prompt_logprobs);
      EXPECT_EQ(finish_[id], alone.finish);
    }
  }
  int Known() const {
    return static_cast<int>(std::count_if(batch_.samples.begin(), batch_.samples.end(),
                                          [](const BatchSample& sample) { return sample.token != kDrawn; }));
  }
};

TEST_F(SchedulerPromptLogprobsTest, EveryRowOfTheChunkGivesTheNextToken) {
  SchedulerOptions options = Options();
  options.max_samples = 16;
  Start(options);
  Add(Scored(1, 14, 2));
  ASSERT_TRUE(Plan());
  const std::vector<TokenId>& prompt = requests_[1].prompt;
  ASSERT_EQ(batch_.rows.size(), 14u);
  ASSERT_EQ(batch_.samples.size(), 14u);
  for (int i = 0; i < 14; ++i) {
    EXPECT_EQ(batch_.samples[i].row, i);
    EXPECT_EQ(batch_.samples[i].token, i < 13 ? prompt[i + 1] : kDrawn);
  }
  RunToEnd();
  ExpectAllAsAlone();
}

TEST_F(SchedulerPromptLogprobsTest, ChunksAreBoundedBySamplesAndByRows) {
  SchedulerOptions options = Options();
  options.max_sequences = 1;
  for (const int samples : {1, 3, 16}) {
    SCOPED_TRACE(samples);
    options.max_samples = samples;
    Start(options);
    Add(Scored(1, 40, 2));
    int rows = 0;
    while (rows < 40) {
      ASSERT_TRUE(Plan());
      EXPECT_EQ(static_cast<int>(batch_.rows.size()), std::min({40 - rows, samples, 16}));
      rows += static_cast<int>(batch_.rows.size());
      FinishOne();
    }
    RunToEnd();
    ExpectAllAsAlone();
    output_.clear(), prompt_logprobs_.clear(), finish_.clear();
  }
}

// A step's samples are few; those that decode, prompts behind it and newcomers have theirs all the same.
TEST_F(SchedulerPromptLogprobsTest, NobodyElseWaitsForASample) {
  Start(Options());  // 4 samples, 4 sequences
  Add(Ask(1, 5, 100));
  ASSERT_TRUE(Plan());
  FinishOne();
  Add(Scored(2, 150, 3));
  ASSERT_TRUE(Plan());
  EXPECT_EQ(Known(), 2) << "one decodes, one is kept for a newcomer";
  FinishOne();
  Add(Ask(3, 6, 50));
  ASSERT_TRUE(Plan());
  EXPECT_EQ(batch_.samples.size(), 4u);
  EXPECT_EQ(Known(), 2);
  FinishOne();
  EXPECT_EQ(output_[3].size(), 1u) << "it drew in the step it came";
  Add(Ask(4, 7, 50));
  ASSERT_TRUE(Plan());
  FinishOne();
  EXPECT_EQ(output_[4].size(), 1u);
  ASSERT_TRUE(Plan());
  EXPECT_EQ(Known(), 1) << "of four that run each has one";
  FinishOne();
  RunToEnd();
  ExpectAllAsAlone();
}

TEST_F(SchedulerPromptLogprobsTest, PromptsBehindItDrawWhileItIsScored) {
  SchedulerOptions options = Options();
  options.max_rows = 12;
  Start(options);
  Add(Scored(1, 100, 2));
  Add(Scored(2, 30, 2));
  Add(Ask(3, 25, 2));
  Add(Ask(4, 8, 2));
  RunToEndOf(4);
  EXPECT_EQ(finish_.count(1), 0u);
  RunToEndOf(3);
  EXPECT_EQ(finish_.count(1), 0u);
  RunToEnd();
  ExpectAllAsAlone();
}

// What was planned once is not asked again, wherever the sequence was when it lost its memory.
TEST_F(SchedulerPromptLogprobsTest, APreemptedPromptIsScoredOnce) {
  for (int steps = 1; steps < 30; ++steps) {
    SCOPED_TRACE(steps);
    SchedulerOptions options = Options();
    options.kv_blocks = 4;
    Start(options);
    Add(Scored(1, 70, 20, /*priority=*/0));
    for (int i = 0; i < steps; ++i) {
      if (!Plan()) FinishOne();
    }
    Add(Ask(2, 90, 30, /*priority=*/2));
    RunToEnd();
    EXPECT_EQ(scheduler_->counts().preemptions_total, 1u);
    ExpectAllAsAlone();
    output_.clear(), prompt_logprobs_.clear(), finish_.clear();
  }
}

TEST_F(SchedulerPromptLogprobsTest, OfResumedTokensNoneIsGiven) {
  Start(Options());
  Request request = Scored(1, 50, 40);
  request.resumed_tokens = 13;
  Add(request);
  Request all_but_one = Scored(2, 30, 40);
  all_but_one.resumed_tokens = 29;
  Add(all_but_one);
  RunToEnd();
  EXPECT_EQ(prompt_logprobs_[1].size(), 36u);
  EXPECT_EQ(prompt_logprobs_[2].size(), 0u);
  ExpectAllAsAlone();
}

TEST_F(SchedulerPromptLogprobsTest, OneOfTheGroupScoresAndTheOthersShare) {
  Start(Options());
  for (uint64_t id = 1; id <= 3; ++id) {
    Request request = Ask(1, 70, 5);
    request.id = id;
    request.group = 9;
    request.sampling.sample_index = static_cast<uint32_t>(id);
    if (id == 1) request.sampling.prompt_logprobs = 0;
    Add(request);
  }
  RunToEnd();
  EXPECT_EQ(scheduler_->counts().shared_tokens_total, 2 * 64u);
  EXPECT_EQ(prompt_logprobs_[1].size(), 69u);
  EXPECT_EQ(prompt_logprobs_.size(), 1u);
  ExpectAllAsAlone();
}

// The one that scores lost its memory half way, and another has computed the prompt since: what is not yet
// scored is computed all the same.
TEST_F(SchedulerPromptLogprobsTest, SharesNoRowsThatAreStillToBeScored) {
  SchedulerOptions options = Options();
  options.kv_blocks = 8;
  Start(options);
  Request scored = Scored(1, 100, 5);
  scored.group = 9;
  Add(scored);
  while (prompt_logprobs_[1].size() < 40) {
    if (!Plan()) FinishOne();
  }
  ASSERT_TRUE(scheduler_->Park(1));
  Request other = Ask(1, 100, 40);
  other.id = 2;
  other.group = 9;
  other.sampling.sample_index = 1;
  Add(other);
  while (output_[2].empty()) {
    if (!Plan()) FinishOne();
  }
  ASSERT_LT(prompt_logprobs_[1].size(), 64u);
  Add(Ask(3, 100, 2));
  RunToEndOf(3);
  EXPECT_EQ(scheduler_->counts().preemptions_total, 1u);
  EXPECT_EQ(finish_.count(2), 0u) << "its blocks are there to be shared";
  ASSERT_TRUE(scheduler_->Unpark(1));
  ASSERT_TRUE(Plan());
  EXPECT_TRUE(std::any_of(batch_.blocks.begin(), batch_.blocks.end(),
                          [](const BlockAssignment& block) { return block.shared; }));
  RunToEnd();
  ExpectAllAsAlone();
}

TEST_F(SchedulerPromptLogprobsTest, APromptOfOneTokenGivesNone) {
  Start(Options());
  Add(Scored(1, 1, 3));
  RunToEnd();
  EXPECT_EQ(prompt_logprobs_.count(1), 0u);
  ExpectAllAsAlone();
}

TEST_F(SchedulerPromptLogprobsTest, ACancelledPromptGivesNoMore) {
  Start(Options());
  Add(Scored(1, 60, 3));
  ASSERT_TRUE(Plan());
  ASSERT_TRUE(Plan());
  FinishOne();
  const size_t before = prompt_logprobs_[1].size();
  ASSERT_TRUE(scheduler_->Cancel(1, FinishReason::kCancelled, &events_));
  Collect();
  RunToEnd();
  EXPECT_EQ(prompt_logprobs_[1].size(), before);
}

TEST_F(SchedulerPromptLogprobsTest, MoreThanTheLimitIsRefused) {
  Start(Options());
  Request request = Scored(1, 10, 3);
  request.sampling.prompt_logprobs = kMaxLogprobs + 1;
  const absl::Status status = scheduler_->Add(request);
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_EQ(status.message(), "prompt_logprobs is 21, the limit is 20");
}

}  // namespace
}  // namespace hekla::schedule
