#include "service/router/routing_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
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

TEST(RoutingPolicyTest, ThePrefixWinsUnlessItsWorkerIsTheBusyOne) {
  std::vector<Candidate> workers(4, Idle());
  workers[2].matched_share = 0.8;
  for (uint64_t random = 0; random < 50; ++random) EXPECT_EQ(ChooseWorker(workers, random * 0x9e3779b97f4a7c15u), 2);
  workers[2].inflight = 1;
  EXPECT_EQ(ChooseWorker(workers, 3), 2);
  workers[2].queued_tokens = 50'000;
  EXPECT_NE(ChooseWorker(workers, 3), 2);
  for (Candidate& worker : workers) worker.queued_tokens = 50'000;
  EXPECT_EQ(ChooseWorker(workers, 3), 2) << "all wait alike: the prefix decides";
}

TEST(RoutingPolicyTest, EqualScoresGoToTheLessLoadedOfTwo) {
  std::vector<Candidate> workers(2, Idle());
  workers[0].matched_share = 0.81;
  workers[1].matched_share = 0.80;
  workers[0].step_seconds = workers[1].step_seconds = 1e-6;
  workers[0].inflight = 3;
  int second = 0;
  std::mt19937_64 random(3);
  for (int i = 0; i < 100; ++i) second += ChooseWorker(workers, random());
  EXPECT_GT(second, 60) << "it is taken unless the busier one is drawn twice";
}

TEST(RoutingPolicyTest, PanicIsMoreThanHalf) {
  std::vector<Candidate> workers(4, Idle());
  EXPECT_FALSE(IsPanic({}));
  workers[0].broken = workers[1].broken = true;
  EXPECT_FALSE(IsPanic(workers));
  workers[2].broken = true;
  EXPECT_TRUE(IsPanic(workers));
}

TEST(RoutingPolicyTest, AWorkerThatGoesMovesOnlyItsOwnSessions) {
  std::vector<std::string> ids = {"w0", "w1", "w2", "w3", "w4"};
  std::vector<int> load(5);
  std::map<std::string, std::string> first;
  for (int i = 0; i < 5000; ++i) {
    const std::string session = std::to_string(i);
    const auto [a, b] = RendezvousPair(session, ids);
    ASSERT_NE(a, b);
    first[session] = ids[static_cast<size_t>(a)];
    ++load[static_cast<size_t>(a)];
  }
  for (const int count : load) EXPECT_NEAR(count, 1000, 150);
  ids.pop_back();
  for (const auto& [session, worker] : first) {
    const std::string& now = ids[static_cast<size_t>(RendezvousPair(session, ids).first)];
    if (worker != "w4") {
      EXPECT_EQ(now, worker);
    }
  }
  EXPECT_EQ(RendezvousPair("s", {}), std::make_pair(-1, -1));
  EXPECT_EQ(RendezvousPair("s", {"w0"}), std::make_pair(0, -1));
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
