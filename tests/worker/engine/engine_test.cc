#include "worker/engine/engine.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/engine/engine_fixture.h"

namespace hekla::engine {
namespace {

using schedule::FinishReason;
using schedule::Request;
using test::Ask;
using test::EngineTest;
using test::kEos;
using test::RecordingSink;
using test::Script;
using ::testing::HasSubstr;

TEST_F(EngineTest, StreamsOneRequest) {
  Start();
  Request request = Ask(1, 20, 30);
  request.sampling.logprobs = 2;
  auto sink = std::make_shared<RecordingSink>();
  EXPECT_EQ(Submit(request, sink), 1u);
  const RecordingSink::Record record = sink->WaitForEnd();
  ExpectAlone(request, record);
  EXPECT_TRUE(record.started);
  ASSERT_EQ(record.logprobs.size(), record.tokens.size());
  ASSERT_EQ(record.top_logprobs.size(), record.tokens.size());
  for (size_t i = 0; i < record.tokens.size(); ++i) {
    EXPECT_EQ(record.logprobs[i], -static_cast<float>(record.tokens[i]));
    EXPECT_EQ(record.top_logprobs[i].size(), 2u);
  }
  ExpectCountersReturnToZero();
  const EngineStatus status = engine_->Status();
  EXPECT_EQ(status.prefill_tokens_total, 20u);
  EXPECT_EQ(status.decode_tokens_total, record.tokens.size());
  EXPECT_EQ(status.prefill_steps_total + status.decode_steps_total + status.mixed_steps_total,
            status.steps_total);
  EXPECT_EQ(status.device_name, "scripted");
}

TEST_F(EngineTest, TellsItsObserverOfEveryStep) {
  script_->Hold();  // until both are there
  Start();
  std::vector<StepRecord> steps;  // of the engine's thread, until nobody observes any more
  engine_->ObserveSteps([&](const StepRecord& step) { steps.push_back(step); });
  Request first = Ask(1, 40, 10), second = Ask(2, 40, 10);
  first.stop.ignore_eos = second.stop.ignore_eos = true;
  auto sinks = {std::make_shared<RecordingSink>(), std::make_shared<RecordingSink>()};
  Submit(first, *sinks.begin());
  Submit(second, *(sinks.begin() + 1));
  script_->ReleaseAll();
  for (const auto& sink : sinks) sink->WaitForEnd();
  ExpectCountersReturnToZero();
  const EngineStatus status = engine_->Status();
  engine_->ObserveSteps({});
  ASSERT_EQ(steps.size(), status.steps_total);
  uint64_t kinds[3] = {};
  int tokens = 0, most_sequences = 0;
  for (const StepRecord& step : steps) {
    ++kinds[static_cast<int>(step.kind)];
    tokens += step.tokens;
    most_sequences = std::max(most_sequences, step.sequences);
    EXPECT_GE(step.seconds, 0);
    EXPECT_EQ(step.phases.build, 1);
    EXPECT_EQ(step.phases.submit, 2);
    EXPECT_EQ(step.phases.execute, 4);
    EXPECT_EQ(step.phases.load + step.phases.readback, 0);
  }
  EXPECT_EQ(kinds[0], status.prefill_steps_total);
  EXPECT_EQ(kinds[1], status.decode_steps_total);
  EXPECT_EQ(kinds[2], status.mixed_steps_total);
  EXPECT_EQ(tokens, 80 + 2 * 9);  // the last token is drawn and not computed
  EXPECT_EQ(most_sequences, 2);
  EXPECT_EQ(status.device_memory_budget_bytes, uint64_t{1} << 22);
  auto unobserved = std::make_shared<RecordingSink>();
  Submit(Ask(3, 4, 4), unobserved);
  unobserved->WaitForEnd();
  EXPECT_EQ(steps.size(), status.steps_total);
}

TEST_F(EngineTest, KeepsAsManyStepsQueuedAsTheExecutorTakes) {
  script_->Hold();
  Start();
  auto sink = std::make_shared<RecordingSink>();
  Request request = Ask(1, 4, 20);
  request.stop.ignore_eos = true;
  Submit(request, sink);
  script_->WaitForSubmitted(3);  // before any result
  script_->Release(1);
  script_->WaitForSubmitted(4);
  script_->ReleaseAll();
  ExpectAlone(request, sink->WaitForEnd());
  EXPECT_EQ(script_->most_in_flight(), 3);
  EXPECT_TRUE(script_->broken().ok()) << script_->broken();
}

TEST_F(EngineTest, ManyAtOnceWithAThirdCancelledGiveEachItsOwnOutput) {
  constexpr int kRequests = 32;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    Limits limits = test::SmallLimits();
    limits.kv_blocks = 12 + static_cast<int>(random() % 20);  // few, so sequences are preempted
    Start(limits, kRequests, static_cast<int>(random() % 20));
    std::vector<Request> requests;
    std::vector<std::shared_ptr<RecordingSink>> sinks;
    std::vector<int> cancel_after(kRequests, -1);  // tokens
    for (int i = 0; i < kRequests; ++i) {
      requests.push_back(
          Ask(seed * 100 + i, 1 + static_cast<int>(random() % 120), 1 + static_cast<int>(random() % 100)));
      requests.back().priority = static_cast<int>(random() % 3);
      requests.back().stop.ignore_eos = random() % 2 == 0;
      if (i % 3 == 0) cancel_after[i] = static_cast<int>(random() % 30);
      sinks.push_back(std::make_shared<RecordingSink>());
    }
    std::vector<std::thread> clients;
    for (int i = 0; i < kRequests; ++i) {
      clients.emplace_back([&, i] {
        const uint64_t id = Submit(requests[i], sinks[i]);
        if (cancel_after[i] < 0) return;
        sinks[i]->WaitForTokens(cancel_after[i]);
        engine_->Cancel(id);
      });
    }
    for (std::thread& client : clients) client.join();
    for (int i = 0; i < kRequests; ++i) {
      const RecordingSink::Record record = sinks[i]->WaitForEnd();
      if (record.last.finish != FinishReason::kCancelled) {
        ExpectAlone(requests[i], record);
        continue;
      }
      EXPECT_GE(cancel_after[i], 0);
      EXPECT_EQ(record.disorder, "");
      const test::ExpectedOutput alone = test::OutputAlone(requests[i], test::OptionsOf(limits, {kEos}));
      ASSERT_LE(record.tokens.size(), alone.tokens.size());
      EXPECT_TRUE(std::equal(record.tokens.begin(), record.tokens.end(), alone.tokens.begin()));
    }
    ExpectCountersReturnToZero();
    EXPECT_TRUE(script_->broken().ok()) << script_->broken();
    EXPECT_LE(script_->most_in_flight(), 3);
    engine_.reset();
  }
}

TEST_F(EngineTest, CancelTakesEffectAtTheNextStepAndRepeatsAreHarmless) {
  script_->Hold();
  Start();
  auto sink = std::make_shared<RecordingSink>();
  Request request = Ask(1, 4, 200);
  request.stop.ignore_eos = true;
  const uint64_t id = Submit(request, sink);
  script_->WaitForSubmitted(3);
  engine_->Cancel(id);
  engine_->Cancel(id);
  script_->Release(1);  // the engine finishes step 1, then reads its mailbox
  const RecordingSink::Record record = sink->WaitForEnd();
  EXPECT_EQ(record.last.finish, FinishReason::kCancelled);
  EXPECT_EQ(record.disorder, "");
  EXPECT_EQ(record.tokens.size(), 1u);
  engine_->Cancel(id);
  engine_->Cancel(999);
  script_->ReleaseAll();
  ExpectCountersReturnToZero();
  EXPECT_EQ(engine_->Status().cancelled_total, 1u);
}

TEST_F(EngineTest, ASinkMayCallTheEngine) {
  Start();
  auto second = std::make_shared<RecordingSink>();
  auto first = std::make_shared<RecordingSink>();
  const Request next = Ask(2, 7, 9);
  first->on_event = [&](int tokens) {
    if (tokens == 3) Submit(next, second);
    if (tokens == 5) engine_->Cancel(1);
  };
  Request request = Ask(1, 4, 200);
  request.stop.ignore_eos = true;
  EXPECT_EQ(Submit(request, first), 1u);
  EXPECT_EQ(first->WaitForEnd().last.finish, FinishReason::kCancelled);
  ExpectAlone(next, second->WaitForEnd());
}

TEST_F(EngineTest, RefusesWhatNeverFitsWithTheLimit) {
  Start();
  const absl::Status status = engine_->Submit(Ask(1, 200, 100), std::make_shared<RecordingSink>()).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("300 tokens together, the context holds 256"));
  ExpectCountersReturnToZero();
}

TEST_F(EngineTest, RefusesWithTheBoundWhenTheQueueIsFull) {
  script_->Hold();
  Limits limits = test::SmallLimits();
  limits.max_sequences = 1;
  Start(limits, /*max_waiting=*/2);
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (int i = 0; i < 4; ++i) sinks.push_back(std::make_shared<RecordingSink>());
  Submit(Ask(1, 4, 40), sinks[0]);
  script_->WaitForSubmitted(1);  // it runs and waits no more
  Submit(Ask(2, 4, 4), sinks[1]);
  Submit(Ask(3, 4, 4), sinks[2]);
  const absl::Status status = engine_->Submit(Ask(4, 4, 4), sinks[3]).status();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("2 requests wait, the limit is 2"));
  EXPECT_EQ(engine_->Status().waiting, 2);
  EXPECT_GE(engine_->Status().queued_uncached_tokens, 8);
  script_->ReleaseAll();
  for (int i = 0; i < 3; ++i) ExpectAlone(Ask(i + 1, 4, i == 0 ? 40 : 4), sinks[i]->WaitForEnd());
  ExpectCountersReturnToZero();
}

TEST_F(EngineTest, EndsARequestAtItsDeadline) {
  fixed_us_ = 1000;
  script_->Hold();
  Start();
  auto sink = std::make_shared<RecordingSink>();
  Request request = Ask(1, 4, 200);
  request.stop.ignore_eos = true;
  request.deadline_us = 5000;
  Submit(request, sink);
  script_->Release(5);
  script_->WaitForSubmitted(8);  // 5 steps are finished
  EXPECT_FALSE(sink->ended());
  EXPECT_EQ(engine_->Status().last_step_age, absl::ZeroDuration());
  fixed_us_ = 5000;
  EXPECT_EQ(engine_->Status().last_step_age, absl::Microseconds(4000));
  script_->ReleaseAll();
  const RecordingSink::Record record = sink->WaitForEnd();
  EXPECT_EQ(record.last.finish, FinishReason::kDeadline);
  EXPECT_GE(record.tokens.size(), 5u);
  EXPECT_LE(record.tokens.size(), 6u);
  EXPECT_EQ(record.last.decode_time, absl::Microseconds(4000));
  ExpectCountersReturnToZero();
}

TEST_F(EngineTest, DrainRefusesNewRequestsAndFinishesTheRest) {
  script_->Hold();
  Limits limits = test::SmallLimits();
  limits.max_sequences = 1;
  Start(limits);
  auto running = std::make_shared<RecordingSink>(), waiting = std::make_shared<RecordingSink>();
  Submit(Ask(1, 4, 20), running);
  Submit(Ask(2, 4, 20), waiting);
  engine_->Drain();
  const absl::Status status = engine_->Submit(Ask(3, 4, 4), std::make_shared<RecordingSink>()).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("draining"));
  EXPECT_TRUE(engine_->Status().draining);
  script_->ReleaseAll();
  ExpectAlone(Ask(1, 4, 20), running->WaitForEnd());
  ExpectAlone(Ask(2, 4, 20), waiting->WaitForEnd());
  ExpectCountersReturnToZero();
  EXPECT_TRUE(engine_->Status().draining);
}

TEST_F(EngineTest, ALostDeviceEndsEveryRequestWithTheError) {
  script_->Hold();
  Limits limits = test::SmallLimits();
  limits.max_sequences = 2;
  Start(limits);
  script_->FailAt(4, absl::UnavailableError("device lost"));
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (int i = 0; i < 5; ++i) {
    Request request = Ask(i + 1, 4, 100);
    request.stop.ignore_eos = true;
    sinks.push_back(std::make_shared<RecordingSink>());
    Submit(request, sinks.back());
  }
  script_->ReleaseAll();
  for (const auto& sink : sinks) {
    const RecordingSink::Record record = sink->WaitForEnd();
    EXPECT_EQ(record.disorder, "");
    EXPECT_EQ(record.last.finish, FinishReason::kError);
    EXPECT_TRUE(absl::IsUnavailable(record.last.error)) << record.last.error;
    EXPECT_THAT(std::string(record.last.error.message()), HasSubstr("device lost"));
  }
  const absl::Status refusal = engine_->Submit(Ask(9, 4, 4), std::make_shared<RecordingSink>()).status();
  EXPECT_TRUE(absl::IsUnavailable(refusal)) << refusal;
  ExpectCountersReturnToZero();
  EXPECT_TRUE(engine_->Status().device_lost);
  engine_.reset();  // joins, so on_fatal has been called
  EXPECT_THAT(std::string(Fatal().message()), HasSubstr("device lost"));
}

TEST_F(EngineTest, DestructionCancelsWhatIsLeft) {
  script_->Hold();
  Start();
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (int i = 0; i < 12; ++i) {
    Request request = Ask(i + 1, 4, 100);
    request.stop.ignore_eos = true;
    sinks.push_back(std::make_shared<RecordingSink>());
    Submit(request, sinks.back());
  }
  script_->WaitForSubmitted(2);
  std::thread release([this] { script_->ReleaseAll(); });
  engine_.reset();
  release.join();
  for (const auto& sink : sinks) {
    ASSERT_TRUE(sink->ended());
    const RecordingSink::Record record = sink->WaitForEnd();
    EXPECT_EQ(record.disorder, "");
    // One that was quicker than the destructor is complete.
    if (record.last.finish != FinishReason::kCancelled) {
      EXPECT_EQ(record.tokens.size(), 100u);
    }
  }
  EXPECT_TRUE(Fatal().ok());
  EXPECT_TRUE(script_->broken().ok()) << script_->broken();
}

TEST(EngineCreate, RefusesWhatIsOutOfRange) {
  Engine::Options none;
  EXPECT_TRUE(absl::IsInvalidArgument(Engine::Create(std::move(none)).status()));
  Engine::Options options;
  options.executor =
      std::make_unique<test::ScriptedExecutor>(test::SmallLimits(), std::make_shared<Script>());
  options.eos_tokens = {500};
  EXPECT_THAT(std::string(Engine::Create(std::move(options)).status().message()),
              HasSubstr("eos_tokens[0] is 500"));
}

}  // namespace
}  // namespace hekla::engine
