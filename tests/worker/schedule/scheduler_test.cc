#include "worker/schedule/scheduler.h"

#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/schedule/scheduler_fixture.h"

namespace hekla::schedule {
namespace {

using test::Ask;
using test::Options;
using test::SchedulerTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST_F(SchedulerTest, PlansDecodeStepsBeforeResultsAreKnown) {
  Start(Options());
  Add(Ask(1, 5, 10));
  ASSERT_TRUE(Plan());
  EXPECT_THAT(Started(), ElementsAre(1));
  EXPECT_EQ(batch_.rows.size(), 5u);
  ASSERT_EQ(batch_.samples.size(), 1u);
  EXPECT_EQ(batch_.samples[0].row, 4);
  for (int position = 5; position < 7; ++position) {
    ASSERT_TRUE(Plan());
    EXPECT_THAT(Started(), IsEmpty());
    ASSERT_EQ(batch_.rows.size(), 1u);
    EXPECT_EQ(batch_.rows[0].position, position);
    EXPECT_EQ(batch_.rows[0].token, kFromDevice);
    EXPECT_THAT(batch_.slots, IsEmpty());
  }
  EXPECT_FALSE(Plan());  // max_in_flight
  EXPECT_EQ(scheduler_->in_flight(), 3);
  FinishOne();
  EXPECT_EQ(output_[1].size(), 1u);
  EXPECT_TRUE(Plan());
  RunToEnd();
  EXPECT_EQ(output_[1], test::OutputAlone(requests_[1], options_).tokens);
  EXPECT_EQ(finish_[1], FinishReason::kMaxTokens);
}

TEST_F(SchedulerTest, PlansNoStepBeyondMaxTokens) {
  Start(Options());
  Add(Ask(1, 3, 2));
  ASSERT_TRUE(Plan());
  ASSERT_TRUE(Plan());
  EXPECT_FALSE(Plan());
  RunToEnd();
  EXPECT_EQ(output_[1].size(), 2u);
}

TEST_F(SchedulerTest, DecodeGoesFirstAndThePromptTakesTheRest) {
  SchedulerOptions options = Options();
  Start(options);
  Add(Ask(1, 4, 50));
  ASSERT_TRUE(Plan());
  Add(Ask(2, 100, 5));
  int steps = 0;
  while (output_[2].empty()) {
    ASSERT_TRUE(Plan());
    EXPECT_EQ(Rows(0), 1) << "the decoding sequence is starved by a prompt";
    EXPECT_LE(batch_.rows.size(), 16u);
    FinishOne();
    ++steps;
  }
  EXPECT_EQ(steps, 8);  // 100 tokens by 15, and the first token comes one finished step later
  RunToEnd();
  for (uint64_t id : {1, 2}) EXPECT_EQ(output_[id], test::OutputAlone(requests_[id], options_).tokens);
}

TEST_F(SchedulerTest, PrefillChunkBoundsThePromptTokensOfAStep) {
  SchedulerOptions options = Options();
  options.prefill_chunk = 6;
  Start(options);
  Add(Ask(1, 4, 3));
  Add(Ask(2, 20, 3));
  ASSERT_TRUE(Plan());
  EXPECT_EQ(batch_.rows.size(), 6u);  // 4 of the first, 2 of the second
  EXPECT_EQ(batch_.samples.size(), 1u);
  ASSERT_TRUE(Plan());
  EXPECT_EQ(batch_.rows.size(), 7u);  // a decode row and 6 of the second
  RunToEnd();
  EXPECT_EQ(output_[2], test::OutputAlone(requests_[2], options_).tokens);
}

TEST_F(SchedulerTest, HigherPriorityStartsFirstAndEqualsInOrder) {
  SchedulerOptions options = Options();
  options.max_sequences = 1;
  Start(options);
  Add(Ask(1, 4, 2, 0));
  Add(Ask(2, 4, 2, 1));
  Add(Ask(3, 4, 2, 2));
  Add(Ask(4, 4, 2, 2));
  std::vector<uint64_t> order;
  while (!scheduler_->idle()) {
    if (Plan()) {
      for (uint64_t id : Started()) order.push_back(id);
    }
    FinishOne();
  }
  EXPECT_THAT(order, ElementsAre(3, 4, 2, 1));
}

TEST_F(SchedulerTest, AnInteractiveRequestTakesTheSlotOfABatchRequest) {
  SchedulerOptions options = Options();
  options.max_sequences = 1;
  Start(options);
  Add(Ask(1, 40, 60, 0));
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(Plan());
    FinishOne();
  }
  const size_t before = output_[1].size();
  ASSERT_GT(before, 0u);
  Add(Ask(2, 4, 6, 2));
  RunToEnd();
  EXPECT_EQ(scheduler_->counts().preemptions_total, 1u);
  for (uint64_t id : {1, 2}) EXPECT_EQ(output_[id], test::OutputAlone(requests_[id], options_).tokens);
}

TEST_F(SchedulerTest, PreemptsTheYoungestWhenBlocksRunOutAndItsOutputStaysExact) {
  SchedulerOptions options = Options();
  options.kv_blocks = 6;
  Start(options);
  Add(Ask(1, 30, 120));
  Add(Ask(2, 30, 120));
  Add(Ask(3, 30, 60));
  RunToEnd();
  EXPECT_GT(scheduler_->counts().preemptions_total, 0u);
  for (uint64_t id : {1, 2, 3}) {
    EXPECT_EQ(output_[id], test::OutputAlone(requests_[id], options_).tokens) << id;
    EXPECT_EQ(finish_[id], FinishReason::kMaxTokens);
  }
  EXPECT_EQ(scheduler_->counts().blocks_held, 0);
}

TEST_F(SchedulerTest, AnEndedSequenceKeepsItsMemoryWhileStepsReferToIt) {
  Start(Options());
  Add(Ask(1, 5, 50));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Plan());
  EXPECT_TRUE(scheduler_->Cancel(1, FinishReason::kCancelled, &events_));
  EXPECT_FALSE(scheduler_->Cancel(1, FinishReason::kCancelled, &events_));
  ASSERT_EQ(events_.size(), 1u);
  EXPECT_EQ(events_[0].finish, FinishReason::kCancelled);
  EXPECT_EQ(events_[0].token, -1);
  EXPECT_EQ(events_[0].token_offset, 0);
  EXPECT_FALSE(Plan());
  EXPECT_EQ(scheduler_->counts().running, 0);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(scheduler_->counts().blocks_held, 1);
    FinishOne();
  }
  EXPECT_EQ(scheduler_->counts().blocks_held, 0);
  EXPECT_THAT(output_[1], IsEmpty());  // dropped
  EXPECT_TRUE(scheduler_->idle());
}

TEST_F(SchedulerTest, AnEndOfSequenceDropsWhatWasPlannedAhead) {
  SchedulerOptions options = Options();
  Request request = Ask(1, 5, 150);
  options.eos_tokens = {
      test::OutputAlone(request, options).tokens[3]};  // so it ends with the 4th token at the latest
  request.stop.ignore_eos = false;
  const test::ExpectedOutput expected = test::OutputAlone(request, options);
  ASSERT_LE(expected.tokens.size(), 4u);
  Start(options);
  Add(request);
  RunToEnd();
  EXPECT_EQ(finish_[1], FinishReason::kEos);
  EXPECT_EQ(output_[1], expected.tokens);
  EXPECT_EQ(output_[1].back(), options.eos_tokens[0]);
}

TEST_F(SchedulerTest, MinTokensSuppressesEveryEnd) {
  Start(Options());
  Request request = Ask(1, 5, 100);
  request.stop.ignore_eos = false;
  request.stop.stop_token_ids = {7, 8};
  request.stop.min_tokens = 60;
  Add(request);
  ASSERT_TRUE(Plan());
  ASSERT_EQ(batch_.slots.size(), 1u);
  EXPECT_THAT(batch_.slots[0].suppressed_tokens, UnorderedElementsAre(2, 7, 8));
  EXPECT_EQ(batch_.slots[0].suppress_until, 65);
  RunToEnd();
  EXPECT_GE(output_[1].size(), 60u);
  EXPECT_EQ(output_[1], test::OutputAlone(request, options_).tokens);
}

TEST_F(SchedulerTest, AResumedRequestGoesOnWhereItStopped) {
  Start(Options());
  Request whole = Ask(1, 9, 40);
  Add(whole);
  RunToEnd();
  Request resumed = whole;
  resumed.id = 2;
  resumed.prompt.insert(resumed.prompt.end(), output_[1].begin(), output_[1].begin() + 15);
  resumed.resumed_tokens = 15;
  ASSERT_TRUE(scheduler_->Add(resumed).ok());
  ASSERT_TRUE(Plan());
  ASSERT_TRUE(Plan());
  ASSERT_TRUE(scheduler_->Finish(model_->Take(), &events_).ok());
  ASSERT_TRUE(scheduler_->Finish(model_->Take(), &events_).ok());
  ASSERT_EQ(events_.size(), 1u);
  EXPECT_EQ(events_[0].token_offset, 15);
  Collect();
  RunToEnd();
  EXPECT_EQ(output_[2], std::vector<TokenId>(output_[1].begin() + 15, output_[1].end()));
}

TEST_F(SchedulerTest, RefusesWithTheBoundWhenTheQueueIsFull) {
  SchedulerOptions options = Options();
  options.max_waiting = 2;
  Start(options);
  Add(Ask(1, 4, 4));
  Add(Ask(2, 4, 4));
  const absl::Status status = scheduler_->Add(Ask(3, 4, 4));
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("2 requests wait, the limit is 2"));
  ASSERT_TRUE(Plan());  // both start
  EXPECT_TRUE(scheduler_->Add(Ask(3, 4, 4)).ok());
}

TEST_F(SchedulerTest, DeadlinesEndWaitingAndRunning) {
  SchedulerOptions options = Options();
  options.max_sequences = 1;
  Start(options);
  Request first = Ask(1, 4, 50), second = Ask(2, 4, 50), third = Ask(3, 4, 5);
  first.deadline_us = 100;
  second.deadline_us = 50;
  Add(first), Add(second), Add(third);
  ASSERT_TRUE(Plan());
  scheduler_->Expire(49, &events_);
  EXPECT_THAT(events_, IsEmpty());
  scheduler_->Expire(50, &events_);
  Collect();
  EXPECT_EQ(finish_[2], FinishReason::kDeadline);
  EXPECT_FALSE(finish_.contains(1));
  scheduler_->Expire(100, &events_);
  Collect();
  EXPECT_EQ(finish_[1], FinishReason::kDeadline);
  RunToEnd();
  EXPECT_EQ(finish_[3], FinishReason::kMaxTokens);
}

TEST_F(SchedulerTest, ARequestThatWaitsForMemoryDoesNotStopTheRunning) {
  SchedulerOptions options = Options();
  options.kv_blocks = 6;
  Start(options);
  Add(Ask(1, 10, 60));
  ASSERT_TRUE(Plan());
  Add(Ask(2, 180, 5));  // 6 blocks with its first token: must wait for all of them
  RunToEnd();
  for (uint64_t id : {1, 2}) EXPECT_EQ(output_[id], test::OutputAlone(requests_[id], options_).tokens);
  EXPECT_EQ(scheduler_->counts().preemptions_total, 0u);
}

TEST_F(SchedulerTest, RefusesAResultThatIsNotTheOldestSteps) {
  Start(Options());
  Add(Ask(1, 5, 50));
  ASSERT_TRUE(Plan());
  BatchResult wrong = model_->Take();
  wrong.step = 2;
  EXPECT_TRUE(absl::IsInternal(scheduler_->Finish(wrong, &events_)));
  wrong.step = 1;
  wrong.samples[0].token = 50;
  EXPECT_THAT(std::string(scheduler_->Finish(wrong, &events_).message()), HasSubstr("drew token 50"));
  EXPECT_THAT(events_, IsEmpty());
  wrong.samples[0].token = 49;
  EXPECT_TRUE(scheduler_->Finish(wrong, &events_).ok());
}

TEST_F(SchedulerTest, CountsReturnToZero) {
  Start(Options());
  for (uint64_t id = 1; id <= 6; ++id) Add(Ask(id, 20, 10));
  EXPECT_EQ(scheduler_->counts().waiting, 6);
  EXPECT_EQ(scheduler_->counts().uncomputed_prompt_tokens, 120);
  ASSERT_TRUE(Plan());
  EXPECT_EQ(scheduler_->counts().uncomputed_prompt_tokens, 104);
  EXPECT_EQ(scheduler_->counts().running, 1);
  RunToEnd();
  const SchedulerCounts counts = scheduler_->counts();
  EXPECT_EQ(counts.running + counts.waiting + counts.blocks_held, 0);
  EXPECT_EQ(counts.uncomputed_prompt_tokens, 0);
}

}  // namespace
}  // namespace hekla::schedule
