// Engine::Park and Unpark.
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/engine/engine_fixture.h"

namespace hekla::engine {
namespace {

using schedule::FinishReason;
using schedule::Request;
using test::Ask;
using test::RecordingSink;

class EngineParkingTest : public test::EngineTest {};

TEST_F(EngineParkingTest, ParkedItComputesNothingAndGoesOnWithTheSameOutput) {
  Start();
  auto slow = std::make_shared<RecordingSink>(), quick = std::make_shared<RecordingSink>();
  Request request = Ask(1, 20, 150);
  request.stop.ignore_eos = true;
  slow->on_event = [&](int tokens) {
    if (tokens == 5) engine_->Park(1);
  };
  EXPECT_EQ(Submit(request, slow), 1u);
  Request other = Ask(2, 7, 200);
  other.stop.ignore_eos = true;
  Submit(other, quick);
  ExpectAlone(other, quick->WaitForEnd());  // 200 steps, of which the parked one has had a few
  EngineStatus status = engine_->Status();
  EXPECT_EQ(status.parked, 1);
  EXPECT_EQ(status.running + status.waiting, 0);
  EXPECT_EQ(status.parks_total, 1u);
  EXPECT_GT(status.kv_blocks_used, 0);
  EXPECT_EQ(status.last_step_age, absl::ZeroDuration());  // there is nothing to be done
  EXPECT_LE(slow->tokens(), 5 + limits_.max_in_flight);
  EXPECT_FALSE(slow->ended());
  engine_->Unpark(1);
  ExpectAlone(request, slow->WaitForEnd());
  ExpectCountersReturnToZero();
  EXPECT_EQ(engine_->Status().parked, 0);
  EXPECT_TRUE(script_->broken().ok()) << script_->broken();
}

TEST_F(EngineParkingTest, AParkedRequestLeavesItsMemoryToOthersAndComesBack) {
  Limits limits = test::SmallLimits();
  limits.kv_blocks = 8;
  Start(limits);
  auto slow = std::make_shared<RecordingSink>(), large = std::make_shared<RecordingSink>();
  Request request = Ask(1, 100, 60);
  request.stop.ignore_eos = true;
  request.priority = 2;
  slow->on_event = [&](int tokens) {
    if (tokens == 5) engine_->Park(1);
  };
  Submit(request, slow);
  slow->WaitForTokens(5);
  Request other = Ask(2, 180, 70);  // all the memory there is, and of a lower priority
  other.stop.ignore_eos = true;
  other.priority = 0;
  Submit(other, large);
  ExpectAlone(other, large->WaitForEnd());
  EXPECT_EQ(engine_->Status().preemptions_total, 1u);
  EXPECT_FALSE(slow->ended());
  engine_->Unpark(1);
  ExpectAlone(request, slow->WaitForEnd());
  ExpectCountersReturnToZero();
  EXPECT_TRUE(script_->broken().ok()) << script_->broken();
}

TEST_F(EngineParkingTest, AParkedRequestEndsByCancelAndByDeadline) {
  fixed_us_ = 1000;
  Start();
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (uint64_t id : {1, 2}) {
    sinks.push_back(std::make_shared<RecordingSink>());
    sinks.back()->on_event = [this, id](int tokens) {
      if (tokens == 5) engine_->Park(id);
    };
    Request request = Ask(id, 4, 200);
    request.stop.ignore_eos = true;
    if (id == 2) request.deadline_us = 3000;
    EXPECT_EQ(Submit(request, sinks.back()), id);
    sinks.back()->WaitForTokens(5);
  }
  engine_->Cancel(1);
  EXPECT_EQ(sinks[0]->WaitForEnd().last.finish, FinishReason::kCancelled);
  EXPECT_FALSE(sinks[1]->ended());
  fixed_us_ = 3000;
  EXPECT_EQ(sinks[1]->WaitForEnd().last.finish, FinishReason::kDeadline);
  ExpectCountersReturnToZero();
}

TEST_F(EngineParkingTest, ParkingAtAnyMomentChangesNoOutput) {
  constexpr int kRequests = 24;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    Limits limits = test::SmallLimits();
    limits.kv_blocks = 12 + static_cast<int>(random() % 20);
    Start(limits, kRequests);
    std::vector<Request> requests;
    std::vector<std::shared_ptr<RecordingSink>> sinks;
    std::vector<std::thread> clients;
    for (int i = 0; i < kRequests; ++i) {
      requests.push_back(Ask(seed * 100 + i, 1 + static_cast<int>(random() % 120), 60));
      requests.back().stop.ignore_eos = true;
      sinks.push_back(std::make_shared<RecordingSink>());
    }
    for (int i = 0; i < kRequests; ++i) {
      clients.emplace_back([&, i, first = static_cast<int>(random() % 20)] {
        const uint64_t id = Submit(requests[i], sinks[i]);
        for (int tokens = first; tokens < 60; tokens += 7) {
          sinks[i]->WaitForTokens(tokens);
          engine_->Park(id);
          std::this_thread::yield();
          engine_->Unpark(id);
        }
      });
    }
    for (std::thread& client : clients) client.join();
    for (int i = 0; i < kRequests; ++i) ExpectAlone(requests[i], sinks[i]->WaitForEnd());
    ExpectCountersReturnToZero();
    EXPECT_TRUE(script_->broken().ok()) << script_->broken();
    engine_.reset();
  }
}

}  // namespace
}  // namespace hekla::engine
