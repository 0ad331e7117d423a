#include "service/router/routing_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace hekla::service {
namespace {

Candidate Idle() { return {.inflight = 0, .sequences = 8, .capacity = 10, .step_seconds = 0.02}; }

TEST(RoutingPolicyTest, NobodyThere) { EXPECT_EQ(ChooseWorker({}, 7), -1); }

TEST(RoutingPolicyTest, PassesOverUnusableAndFullWorkers) {
  std::vector<Candidate> workers = {Idle(), Idle(), Idle()};
  workers[0].usable = false;
  workers[1].inflight = workers[1].capacity;
  for (uint64_t random = 0; random < 100; ++random)
    EXPECT_EQ(ChooseWorker(workers, random * 0x9e3779b97f4a7c15u), 2);
  workers[2].usable = false;
  EXPECT_EQ(ChooseWorker(workers, 1), -1);
}

TEST(RoutingPolicyTest, QueuedPromptsMakeAWorkerLessAttractive) {
  std::vector<Candidate> workers = {Idle(), Idle()};
  workers[0].queued_tokens = 4000;
  EXPECT_EQ(ChooseWorker(workers, 0), 1);
  // Four times the prefill speed makes the same queue a quarter of the wait, still more than none.
  workers[0].prefill_tokens_per_second = 4000;
  EXPECT_NEAR(EstimateWaitSeconds(workers[0]), 1.0, 1e-9);
  EXPECT_EQ(ChooseWorker(workers, 0), 1);
}

TEST(RoutingPolicyTest, AFullBatchMeansWaitingForAPlace) {
  Candidate full = Idle();
  full.inflight = 8;
  Candidate nearly = Idle();
  nearly.inflight = 7;
  EXPECT_GT(EstimateWaitSeconds(full), EstimateWaitSeconds(nearly) + 0.1);
}

TEST(RoutingPolicyTest, EqualWorkersAreChosenEquallyOften) {
  const std::vector<Candidate> workers(4, Idle());
  std::mt19937_64 random(11);
  std::vector<int> chosen(4);
  for (int i = 0; i < 4000; ++i) ++chosen.at(static_cast<size_t>(ChooseWorker(workers, random())));
  for (const int count : chosen) EXPECT_NEAR(count, 1000, 150);
}

// Arrivals at workers of different speed: requests take (tokens / speed); the least wait must spread them so
// that no worker is ever beyond its capacity and each is used in proportion to its speed.
TEST(RoutingPolicyTest, SimulatedLoadFollowsSpeed) {
  const uint64_t seed = 20240607;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const std::vector<double> step_seconds = {0.01, 0.01, 0.02, 0.04};
  struct Running {
    double end;
    size_t worker;
  };
  std::vector<Running> running;
  std::vector<Candidate> workers(4);
  for (size_t i = 0; i < 4; ++i) {
    workers[i] = {.sequences = 8, .capacity = 10, .step_seconds = step_seconds[i]};
  }
  std::vector<int> served(4);
  double now = 0;
  int refused = 0;
  for (int i = 0; i < 10000; ++i) {
    now += std::exponential_distribution<double>(22.0)(random);  // about 70 % of what all can do
    std::erase_if(running, [&](const Running& each) {
      if (each.end > now) return false;
      --workers[each.worker].inflight;
      return true;
    });
    const int chosen = ChooseWorker(workers, random());
    if (chosen < 0) {
      ++refused;
      continue;
    }
    const size_t worker = static_cast<size_t>(chosen);
    ASSERT_LT(workers[worker].inflight, workers[worker].capacity);
    ++workers[worker].inflight;
    ++served[worker];
    running.push_back({now + 64 * step_seconds[worker], worker});
  }
  EXPECT_LT(refused, 200);
  EXPECT_GT(served[0], served[2]);
  EXPECT_GT(served[2], served[3]);
  EXPECT_NEAR(served[0], served[1], 0.1 * served[0]);
  EXPECT_GT(served[3], 200);
}

}  // namespace
}  // namespace hekla::service
