// Arrivals, lengths, workloads: what a load is, before anything is sent.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "service/client/bench/arrivals.h"
#include "service/client/bench/length_distribution.h"
#include "service/client/bench/random.h"
#include "service/client/bench/workload.h"

namespace hekla::bench {
namespace {

TEST(RandomTest, StreamsOfASeedDifferAndRepeat) {
  EXPECT_EQ(Random(1, 2).Bits(), Random(1, 2).Bits());
  std::set<uint64_t> firsts;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    for (uint64_t stream = 0; stream < 30; ++stream) firsts.insert(Random(seed, stream).Bits());
  }
  EXPECT_EQ(firsts.size(), 900u);
}

TEST(RandomTest, MomentsAreThoseOfTheDistributions) {
  Random random(7);
  const int n = 200'000;
  double uniform = 0, exponential = 0, normal = 0, square = 0;
  for (int i = 0; i < n; ++i) {
    const double u = random.Uniform(), z = random.Normal();
    ASSERT_GT(u, 0);
    ASSERT_LE(u, 1);
    uniform += u, exponential += random.Exponential(), normal += z, square += z * z;
  }
  EXPECT_NEAR(uniform / n, 0.5, 0.005);
  EXPECT_NEAR(exponential / n, 1, 0.01);
  EXPECT_NEAR(normal / n, 0, 0.01);
  EXPECT_NEAR(square / n, 1, 0.02);
}

TEST(ArrivalsTest, ConstantArrivalsDoNotDrift) {
  Arrivals arrivals(ArrivalKind::kConstant, 3, 1);
  EXPECT_EQ(arrivals.Next(), absl::ZeroDuration());
  absl::Duration last;
  for (int i = 1; i <= 300'000; ++i) last = arrivals.Next();
  EXPECT_NEAR(absl::ToDoubleSeconds(last), 100'000, 1e-6);
}

TEST(ArrivalsTest, PoissonArrivalsHaveTheRateAndExponentialWaits) {
  Arrivals arrivals(ArrivalKind::kPoisson, 50, 4), same(ArrivalKind::kPoisson, 50, 4);
  absl::Duration before = absl::ZeroDuration();
  int long_waits = 0;
  const int n = 100'000;
  for (int i = 0; i < n; ++i) {
    const absl::Duration next = arrivals.Next();
    ASSERT_EQ(next, same.Next());
    ASSERT_GE(next, before);
    if (next - before > absl::Seconds(1.0 / 50)) ++long_waits;  // longer than the mean: 1/e of them
    before = next;
  }
  EXPECT_NEAR(n / absl::ToDoubleSeconds(before), 50, 0.7);
  EXPECT_NEAR(static_cast<double>(long_waits) / n, std::exp(-1), 0.01);
}

TEST(LengthDistributionTest, Forms) {
  Random random(1);
  EXPECT_EQ(LengthDistribution::Parse("17")->Draw(random), 17u);
  const LengthDistribution uniform = *LengthDistribution::Parse("uniform:5,8");
  std::set<uint32_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(uniform.Draw(random));
  EXPECT_EQ(seen, (std::set<uint32_t>{5, 6, 7, 8}));
  EXPECT_EQ(uniform.longest(), 8u);

  const LengthDistribution lognormal = *LengthDistribution::Parse("lognormal:100,0.5,400");
  int below = 0, capped = 0;
  for (int i = 0; i < 20'000; ++i) {
    const uint32_t length = lognormal.Draw(random);
    ASSERT_GE(length, 1u);
    ASSERT_LE(length, 400u);
    below += length < 100 ? 1 : 0;
    capped += length == 400 ? 1 : 0;
  }
  EXPECT_NEAR(below, 10'000, 400) << "100 is the median";
  EXPECT_NEAR(capped, 20'000 * 0.0028, 40) << "beyond exp(2.77 sigma)";
}

TEST(LengthDistributionTest, WhatIsWrongIsNamed) {
  for (const char* text : {"", "0", "-1", "x", "1048577", "uniform:3", "uniform:9,3", "uniform:0,3",
                           "lognormal:10,0.5", "lognormal:10,x,20", "lognormal:10,-1,20", "lognormal:30,1,20"}) {
    const auto parsed = LengthDistribution::Parse(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_TRUE(absl::IsInvalidArgument(parsed.status()));
  }
  EXPECT_EQ(LengthDistribution::Parse("0").status().message(), "'0' is not a number of tokens in 1 .. 1048576");
  EXPECT_EQ(LengthDistribution::Parse("uniform:9,3").status().message(), "'uniform:9,3': 9 is above 3");
}

v1::Model SmallModel() {
  v1::Model model;
  model.set_name("small");
  model.set_vocabulary_size(10);
  model.add_eos_token_ids(3);
  model.mutable_limits()->set_max_context(64);
  return model;
}

TEST(WorkloadTest, ARequestIsAFunctionOfItsNumber) {
  WorkloadOptions options;
  options.prompt_tokens = *LengthDistribution::Parse("uniform:1,40");
  options.output_tokens = *LengthDistribution::Parse("uniform:1,20");
  const Workload workload(options, SmallModel()), again(options, SmallModel());
  std::set<std::string> prompts;
  for (uint64_t i = 0; i < 50; ++i) {
    const PlannedRequest plan = workload.Plan(i);
    EXPECT_EQ(plan.request.SerializeAsString(), again.Plan(i).request.SerializeAsString());
    prompts.insert(plan.request.SerializeAsString());
    EXPECT_FALSE(plan.slow);
    EXPECT_FALSE(plan.cancel_after.has_value());
    for (const uint32_t id : plan.request.token_ids().ids()) {
      ASSERT_LT(id, 10u);
      ASSERT_NE(id, 3u) << "an end of sequence in the prompt";
    }
  }
  EXPECT_EQ(prompts.size(), 50u);
  options.seed = 2;
  EXPECT_NE(Workload(options, SmallModel()).Plan(0).request.SerializeAsString(),
            workload.Plan(0).request.SerializeAsString());
  options.distinct = 4;
  const Workload repeating(options, SmallModel());
  EXPECT_EQ(repeating.Plan(1).request.SerializeAsString(), repeating.Plan(5).request.SerializeAsString());
}

TEST(WorkloadTest, SharesAreKept) {
  WorkloadOptions options;
  options.prompt_tokens = *LengthDistribution::Parse("uniform:20,40");
  options.output_tokens = LengthDistribution::Constant(10);
  options.shared_prefix_share = 0.5;
  options.shared_prefix_tokens = 20;
  options.cancel_share = 0.25;
  options.slow_share = 0.1;
  ASSERT_TRUE(options.Validate().ok());
  const Workload workload(options, SmallModel());
  std::map<std::string, int> beginnings;
  int cancelled = 0, slow = 0;
  const int n = 4000;
  for (uint64_t i = 0; i < n; ++i) {
    const PlannedRequest plan = workload.Plan(i);
    const auto& ids = plan.request.token_ids().ids();
    ASSERT_GE(ids.size(), 20);
    ++beginnings[std::string(ids.begin(), ids.begin() + 20)];
    cancelled += plan.cancel_after.has_value() ? 1 : 0;
    ASSERT_LT(plan.cancel_after.value_or(0), 10u);
    slow += plan.slow ? 1 : 0;
  }
  int most = 0;
  for (const auto& [beginning, count] : beginnings) most = std::max(most, count);
  EXPECT_NEAR(most, n * 0.5, 150);
  EXPECT_EQ(static_cast<int>(beginnings.size()), n - most + 1) << "the others all differ";
  EXPECT_NEAR(cancelled, n * 0.25, 120);
  EXPECT_NEAR(slow, n * 0.1, 90);
}

TEST(WorkloadTest, PromptsFromAFileAreTakenInTurn) {
  WorkloadOptions options;
  options.prompts = {"one", "two"};
  const Workload workload(options, SmallModel());
  EXPECT_EQ(workload.Plan(0).request.text(), "one");
  EXPECT_EQ(workload.Plan(3).request.text(), "two");
}

TEST(WorkloadTest, WhatDoesNotFitIsRefused) {
  WorkloadOptions options;
  options.prompt_tokens = LengthDistribution::Constant(60);
  options.output_tokens = LengthDistribution::Constant(4);
  EXPECT_TRUE(Workload(options, SmallModel()).CheckFits().ok());
  options.output_tokens = LengthDistribution::Constant(5);
  EXPECT_EQ(Workload(options, SmallModel()).CheckFits().message(),
            "a prompt of 60 and an output of 5 tokens do not fit: the model's context is 64");
  options.cancel_share = 1.5;
  EXPECT_EQ(options.Validate().message(), "--cancel-share: 1.5 is not in [0, 1]");
  options.cancel_share = 0;
  options.shared_prefix_share = 0.5;
  options.shared_prefix_tokens = 61;
  EXPECT_EQ(options.Validate().message(), "--shared-prefix-tokens: 61 is above the longest prompt, 60");
  options.shared_prefix_tokens = 9;
  options.priority = "urgent";
  EXPECT_EQ(options.Validate().message(), "--priority: 'urgent' is not batch, normal or interactive");
}

}  // namespace
}  // namespace hekla::bench
