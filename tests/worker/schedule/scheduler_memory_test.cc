// Parking, and sharing of prompts.
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/schedule/scheduler_fixture.h"

namespace hekla::schedule {
namespace {

using test::Ask;
using test::Options;
using ::testing::ElementsAre;

class SchedulerMemoryTest : public test::SchedulerTest {
 protected:
  // Samples 1 .. n of a prompt.
  void AddGroup(int samples, int prompt_tokens, int max_tokens) {
    Request request = Ask(1, prompt_tokens, max_tokens);
    request.group = 7;
    for (int i = 0; i < samples; ++i) {
      request.id = i + 1;
      request.sampling.sample_index = i;
      Add(request);
    }
  }
  void ExpectAllAlone() {
    for (const auto& [id, request] : requests_) {
      EXPECT_EQ(output_[id], test::OutputAlone(request, options_).tokens) << id;
    }
  }
};

TEST_F(SchedulerMemoryTest, AParkedSequenceGetsNoRowsAndGoesOnWhereItWas) {
  Start(Options());
  Add(Ask(1, 5, 30));
  Add(Ask(2, 5, 20));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Plan());
  EXPECT_TRUE(scheduler_->Park(1));
  EXPECT_FALSE(scheduler_->Park(1));
  EXPECT_FALSE(scheduler_->Park(99));
  EXPECT_EQ(scheduler_->counts().parked, 1);
  EXPECT_EQ(scheduler_->counts().running, 1);
  while (finish_.count(2) == 0) {
    FinishOne();
    if (Plan()) {
      EXPECT_EQ(Rows(0), 0);
    }
  }
  while (scheduler_->in_flight() > 0) FinishOne();
  EXPECT_EQ(output_[1].size(), 3u);  // of the steps planned before
  EXPECT_FALSE(Plan());
  EXPECT_TRUE(scheduler_->resting());
  EXPECT_FALSE(scheduler_->idle());
  EXPECT_TRUE(scheduler_->Unpark(1));
  EXPECT_FALSE(scheduler_->Unpark(1));
  ASSERT_TRUE(Plan());
  ASSERT_EQ(batch_.rows.size(), 1u);
  EXPECT_EQ(batch_.rows[0].position, 7);
  EXPECT_EQ(batch_.rows[0].token, kFromDevice);  // the device has it, nothing is computed again
  RunToEnd();
  for (uint64_t id : {1, 2}) EXPECT_EQ(output_[id], test::OutputAlone(requests_[id], options_).tokens);
  EXPECT_EQ(scheduler_->counts().preemptions_total, 0u);
}

TEST_F(SchedulerMemoryTest, AParkedSequenceIsPreemptedFirstForASlotAndForBlocks) {
  for (bool for_slot : {true, false}) {
    SCOPED_TRACE(for_slot);
    SchedulerOptions options = Options();
    options.max_sequences = for_slot ? 2 : 4;
    options.kv_blocks = for_slot ? 20 : 6;
    Start(options);
    output_.clear(), finish_.clear();
    Add(Ask(1, 40, 60, 2));
    Add(Ask(2, 40, 30, 0));
    while (output_[1].empty() || output_[2].empty()) {
      ASSERT_TRUE(Plan());
      FinishOne();
    }
    ASSERT_TRUE(scheduler_->Park(1));
    Add(Ask(3, 60, 20, 0));
    while (finish_.size() < 2) {
      Plan();
      FinishOne();
    }
    EXPECT_EQ(scheduler_->counts().preemptions_total, 1u);
    EXPECT_EQ(scheduler_->counts().parked, 1);
    while (scheduler_->in_flight() > 0) FinishOne();
    EXPECT_EQ(scheduler_->counts().blocks_held, 0);
    ASSERT_TRUE(scheduler_->Unpark(1));
    RunToEnd();
    for (uint64_t id : {1, 2, 3}) EXPECT_EQ(output_[id], test::OutputAlone(requests_[id], options_).tokens);
  }
}

TEST_F(SchedulerMemoryTest, WhatWaitsCanBeParkedAndCancelled) {
  SchedulerOptions options = Options();
  options.max_waiting = 2;
  Start(options);
  Add(Ask(1, 4, 4));
  Add(Ask(2, 4, 4));
  ASSERT_TRUE(scheduler_->Park(1));
  EXPECT_EQ(scheduler_->counts().uncomputed_prompt_tokens, 4);
  EXPECT_TRUE(absl::IsResourceExhausted(scheduler_->Add(Ask(3, 4, 4))));  // it still waits for its start
  ASSERT_TRUE(Plan());
  EXPECT_THAT(Started(), ElementsAre(2));
  RunToEndOf(2);
  EXPECT_TRUE(scheduler_->Cancel(1, FinishReason::kCancelled, &events_));
  Collect();
  EXPECT_TRUE(scheduler_->idle());
  EXPECT_TRUE(scheduler_->CheckInvariants().ok()) << scheduler_->CheckInvariants();
}

TEST_F(SchedulerMemoryTest, SamplesShareTheFullBlocksOfTheirPrompt) {
  SchedulerOptions options = Options();
  options.max_rows = 200;
  Start(options);
  AddGroup(3, 70, 20);  // 2 full blocks and 6 tokens
  ASSERT_TRUE(Plan());
  EXPECT_THAT(Started(), ElementsAre(1));  // the others wait for it
  EXPECT_EQ(batch_.rows.size(), 70u);
  ASSERT_TRUE(Plan());
  EXPECT_THAT(Started(), ElementsAre(2, 3));
  for (const StartedSequence& started : scheduler_->started()) EXPECT_EQ(started.cached_tokens, 64);
  EXPECT_EQ(batch_.rows.size(), 1u + 6u + 6u);
  EXPECT_EQ(scheduler_->counts().blocks_held, 3 + 1 + 1);
  EXPECT_TRUE(scheduler_->CheckInvariants().ok()) << scheduler_->CheckInvariants();
  RunToEnd();
  ExpectAllAlone();
  EXPECT_NE(output_[1], output_[2]);
  EXPECT_EQ(scheduler_->counts().prompt_tokens_total, 210u);
  EXPECT_EQ(scheduler_->counts().shared_tokens_total, 128u);
  EXPECT_EQ(scheduler_->counts().blocks_held, 0);
}

TEST_F(SchedulerMemoryTest, APromptOfFullBlocksIsComputedAgainFromItsLastBlock) {
  Start(Options());
  AddGroup(2, 64, 5);
  RunToEnd();
  ExpectAllAlone();
  EXPECT_EQ(scheduler_->counts().shared_tokens_total, 32u);
}

TEST_F(SchedulerMemoryTest, WhatPenaltiesLookBackOnIsNotShared) {
  for (const auto& [last_n, shared] :
       std::vector<std::pair<int, uint64_t>>{{0, 96}, {4, 96}, {5, 64}, {64, 32}, {90, 0}}) {
    SCOPED_TRACE(last_n);
    Start(Options());
    output_.clear(), finish_.clear(), requests_.clear();
    Request request = Ask(1, 100, 10);
    request.group = 7;
    request.sampling.presence_penalty = 1;
    request.sampling.penalty_last_n = last_n;
    Add(request);
    request.id = 2;
    Add(request);
    RunToEnd();
    ExpectAllAlone();
    EXPECT_EQ(scheduler_->counts().shared_tokens_total, shared);
  }
}

TEST_F(SchedulerMemoryTest, AGroupLivesOnWhenItsFirstSampleEnds) {
  Start(Options());
  AddGroup(4, 70, 30);
  ASSERT_TRUE(Plan());  // 16 of the first one's tokens
  ASSERT_TRUE(scheduler_->Cancel(1, FinishReason::kCancelled, &events_));
  FinishOne();
  requests_.erase(1);
  RunToEnd();
  ExpectAllAlone();
  EXPECT_EQ(scheduler_->counts().shared_tokens_total, 128u);  // of the second, for two
}

TEST_F(SchedulerMemoryTest, SharedBlocksOutliveWhoFilledThem) {
  SchedulerOptions options = Options();
  options.kv_blocks = 9;
  Start(options);
  AddGroup(3, 70, 60);
  while (output_[3].size() < 3) {
    Plan();
    FinishOne();
  }
  ASSERT_TRUE(scheduler_->Cancel(1, FinishReason::kCancelled, &events_));
  requests_.erase(1);
  Add(Ask(9, 100, 50, 2));  // takes what is free, and preempts for more
  RunToEnd();
  ExpectAllAlone();
  EXPECT_GT(scheduler_->counts().preemptions_total, 0u);
  EXPECT_EQ(scheduler_->counts().blocks_held, 0);
}

TEST_F(SchedulerMemoryTest, ASampleThatIsAloneNeedsNobody) {
  SchedulerOptions options = Options();
  options.max_sequences = 1;
  Start(options);
  AddGroup(3, 70, 5);
  RunToEnd();
  ExpectAllAlone();
  EXPECT_EQ(scheduler_->counts().shared_tokens_total, 0u);
}

}  // namespace
}  // namespace hekla::schedule
