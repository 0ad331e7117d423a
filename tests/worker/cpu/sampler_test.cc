#include "worker/cpu/sampler.h"

#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace hekla::cpu {
namespace {

using schedule::SampleResult;
using schedule::SamplingParams;
using schedule::TokenId;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

SampleResult Sample(const std::vector<float>& logits, const SamplingParams& params,
                    const std::vector<TokenId>& history = {}, const std::vector<TokenId>& suppressed = {},
                    int position = 0) {
  return SampleToken(logits, history, params, suppressed, position);
}

SamplingParams Warm() {
  SamplingParams params;
  params.temperature = 1;
  return params;
}

// How often each id is drawn over `draws` positions.
std::map<TokenId, int> Histogram(const std::vector<float>& logits, const SamplingParams& params, int draws) {
  std::map<TokenId, int> counts;
  for (int i = 0; i < draws; ++i) ++counts[Sample(logits, params, {}, {}, i).token];
  return counts;
}

std::set<TokenId> Support(const std::vector<float>& logits, const SamplingParams& params) {
  std::set<TokenId> ids;
  for (const auto& [id, count] : Histogram(logits, params, 4000)) ids.insert(id);
  return ids;
}

TEST(SamplerTest, GreedyTakesTheLargestAndTheLowestIdAmongEquals) {
  EXPECT_EQ(Sample({0, 3, 1, 3}, {}).token, 1);
  EXPECT_EQ(Sample({-1, -3, -kInf}, {}).token, 0);
}

TEST(SamplerTest, NanNeverWins) {
  EXPECT_EQ(Sample({kNan, 1, kNan, 2}, {}).token, 3);
  EXPECT_EQ(Sample({kNan, -5}, {}).token, 1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Sample({kNan, -5, kNan}, Warm(), {}, {}, i).token, 1);
}

TEST(SamplerTest, NothingToChooseFromGivesIdZero) {
  EXPECT_EQ(Sample({kNan, -kInf, kNan}, {}).token, 0);
  EXPECT_EQ(Sample({kNan, -kInf, kNan}, Warm()).token, 0);
  EXPECT_EQ(Sample({1, 2}, Warm(), {}, {0, 1}).token, 0);
}

TEST(SamplerTest, PlusInfinityWins) {
  EXPECT_EQ(Sample({3, kInf, 4}, Warm()).token, 1);
  EXPECT_EQ(Sample({3, kInf, 4}, {}).token, 1);
}

TEST(SamplerTest, RepetitionPenaltyDividesPositiveAndMultipliesNegative) {
  SamplingParams params;
  params.repetition_penalty = 2;
  params.logprobs = 3;
  EXPECT_EQ(Sample({4, 3, 0}, params, {0}).token, 1);
  EXPECT_EQ(Sample({-1, -1.5, -9}, params, {0}).token, 1);
  // Once for each distinct token, however often it occurs: 4 / 2 = 2 and not 4 / 8.
  EXPECT_EQ(Sample({4, 1.5, 0}, params, {0, 0, 0}).token, 0);
}

TEST(SamplerTest, PresenceOnceAndFrequencyByCount) {
  SamplingParams presence;
  presence.presence_penalty = 1;
  EXPECT_EQ(Sample({4, 3.5}, presence, {0, 0, 0}).token, 1);
  EXPECT_EQ(Sample({4, 2.5}, presence, {0, 0, 0}).token, 0);
  SamplingParams frequency;
  frequency.frequency_penalty = 1;
  EXPECT_EQ(Sample({4, 2.5}, frequency, {0}).token, 0);
  EXPECT_EQ(Sample({4, 2.5}, frequency, {0, 0}).token, 1);
}

TEST(SamplerTest, PenaltiesSeeOnlyTheWindow) {
  SamplingParams params;
  params.frequency_penalty = 1;
  params.penalty_last_n = 2;
  EXPECT_EQ(Sample({4, 3.5}, params, {0, 1, 1}).token, 0);
  EXPECT_EQ(Sample({4, 3.5}, params, {1, 0, 9}).token, 1);
  params.penalty_last_n = 0;
  EXPECT_EQ(Sample({4, 3.5}, params, {0, 0, 0}).token, 0);
}

TEST(SamplerTest, BiasComesAfterPenaltiesAndSuppressionAfterBias) {
  SamplingParams params;
  params.repetition_penalty = 10;
  params.logit_bias = {{0, 3.0f}, {1, 100.0f}, {77, 5.0f}};
  // 4 / 10 + 3 = 3.4; were the bias first it would be 0.7.
  EXPECT_EQ(Sample({4, 0, 3}, params, {0}, {1}).token, 0);
}

TEST(SamplerTest, FrequenciesFollowTheProbabilities) {
  const std::vector<float> logits = {0, std::log(2.0f), std::log(5.0f)};
  constexpr int kDraws = 40000;
  const std::map<TokenId, int> counts = Histogram(logits, Warm(), kDraws);
  const double expected[] = {1 / 8.0, 2 / 8.0, 5 / 8.0};
  for (int id = 0; id < 3; ++id) {
    const double deviation = std::sqrt(kDraws * expected[id] * (1 - expected[id]));
    EXPECT_NEAR(counts.at(id), kDraws * expected[id], 5 * deviation) << id;
  }
}

TEST(SamplerTest, TemperatureSharpens) {
  SamplingParams cold = Warm();
  cold.temperature = 0.5f;  // ratios are squared: 1 : 4
  const std::map<TokenId, int> counts = Histogram({0, std::log(2.0f)}, cold, 40000);
  EXPECT_NEAR(counts.at(1) / 40000.0, 0.8, 0.01);
}

TEST(SamplerTest, TopKKeepsTiesOfTheLast) {
  SamplingParams params = Warm();
  params.top_k = 2;
  EXPECT_EQ(Support({1, 2, 3, 0}, params), (std::set<TokenId>{1, 2}));
  EXPECT_EQ(Support({2, 2, 3, 0}, params), (std::set<TokenId>{0, 1, 2}));
  params.top_k = 1;
  EXPECT_EQ(Support({1, 2, 3, 0}, params), (std::set<TokenId>{2}));
  params.top_k = 9;
  EXPECT_EQ(Support({1, 1, 1, 0}, params), (std::set<TokenId>{0, 1, 2, 3}));
}

TEST(SamplerTest, TopPKeepsTheFewestThatReachTheMassAndTies) {
  SamplingParams params = Warm();
  const std::vector<float> logits = {std::log(5.0f), std::log(3.0f), std::log(2.0f)};  // 0.5, 0.3, 0.2
  params.top_p = 0.45f;
  EXPECT_EQ(Support(logits, params), (std::set<TokenId>{0}));
  params.top_p = 0.7f;
  EXPECT_EQ(Support(logits, params), (std::set<TokenId>{0, 1}));
  params.top_p = 0.9f;
  EXPECT_EQ(Support(logits, params), (std::set<TokenId>{0, 1, 2}));
  params.top_p = 0;
  EXPECT_EQ(Support(logits, params), (std::set<TokenId>{0}));
  params.top_p = 0.3f;
  EXPECT_EQ(Support({1, 1, 1, 1}, params), (std::set<TokenId>{0, 1, 2, 3}));
}

TEST(SamplerTest, TopPCountsMassAfterTopK) {
  SamplingParams params = Warm();
  params.top_k = 2;  // 0.5 and 0.3 become 0.625 and 0.375
  params.top_p = 0.6f;
  EXPECT_EQ(Support({std::log(5.0f), std::log(3.0f), std::log(2.0f)}, params), (std::set<TokenId>{0}));
}

TEST(SamplerTest, MinPIsRelativeToTheLargest) {
  SamplingParams params = Warm();
  params.min_p = 0.5f;
  const std::vector<float> logits = {std::log(5.0f), std::log(3.0f), std::log(2.0f)};
  EXPECT_EQ(Support(logits, params), (std::set<TokenId>{0, 1}));
  params.min_p = 1;
  EXPECT_EQ(Support(logits, params), (std::set<TokenId>{0}));
}

// The draw by hand: all weights equal, so the id is (u * W) >> 32 in units of one weight.
TEST(SamplerTest, DrawIsTheDocumentedOne) {
  SamplingParams params = Warm();
  params.seed = 0;
  // Philox of key 0 and counter 0 starts with 0x6627e8d5, that is 0.399 of 2^32; of 10 equal ids it is
  // number 3.
  EXPECT_EQ(Sample(std::vector<float>(10, 0.0f), params, {}, {}, 0).token, 3);
}

TEST(SamplerTest, DrawDependsOnSeedIndexAndPositionOnly) {
  const std::vector<float> logits(1000, 0.0f);
  SamplingParams params = Warm();
  params.seed = 5;
  const TokenId base = Sample(logits, params, {}, {}, 7).token;
  EXPECT_EQ(base, Sample(logits, params, {}, {}, 7).token);
  EXPECT_NE(base, Sample(logits, params, {}, {}, 8).token);
  params.sample_index = 1;
  EXPECT_NE(base, Sample(logits, params, {}, {}, 7).token);
  params.sample_index = 0;
  params.seed = 5 + (uint64_t{1} << 40);
  EXPECT_NE(base, Sample(logits, params, {}, {}, 7).token);
}

TEST(SamplerTest, LogprobsAreOfTheAdjustedLogitsAtTemperatureOne) {
  SamplingParams params = Warm();
  params.temperature = 0.1f;
  params.top_k = 1;
  params.logprobs = 2;
  params.logit_bias = {{0, std::log(4.0f)}};
  const SampleResult result = Sample({0, std::log(3.0f), std::log(3.0f), 9}, params, {}, {3});
  EXPECT_EQ(result.token, 0);
  EXPECT_NEAR(result.logprob, std::log(0.4), 1e-6);
  ASSERT_EQ(result.top.size(), 2u);
  EXPECT_EQ(result.top[0].token, 0);
  EXPECT_EQ(result.top[1].token, 1);  // the lower id among equals
  EXPECT_NEAR(result.top[1].logprob, std::log(0.3), 1e-6);
}

TEST(SamplerTest, TopListHoldsNothingImpossible) {
  SamplingParams params;
  params.logprobs = 20;
  EXPECT_EQ(Sample({1, 2, -kInf, kNan, 3}, params, {}, {4}).top.size(), 2u);
}

TEST(SamplerTest, AKnownTokenIsScoredByTheRawLogits) {
  const std::vector<float> logits = {0, std::log(3.0f), kNan, std::log(4.0f), -kInf};
  const SampleResult result = ScoreToken(logits, 0, 2);
  EXPECT_EQ(result.token, 0);
  EXPECT_NEAR(result.logprob, std::log(1.0 / 8), 1e-6);
  ASSERT_EQ(result.top.size(), 2u);
  EXPECT_EQ(result.top[0].token, 3);
  EXPECT_NEAR(result.top[1].logprob, std::log(3.0 / 8), 1e-6);
  EXPECT_EQ(ScoreToken(logits, 2, 0).logprob, -kInf);
  EXPECT_EQ(ScoreToken(logits, 4, 20).logprob, -kInf);
  EXPECT_EQ(ScoreToken(logits, 4, 20).top.size(), 3u);
  EXPECT_TRUE(ScoreToken(logits, 1, 0).top.empty());
  EXPECT_EQ(ScoreToken({-kInf, kNan}, 1, 5).logprob, -kInf);
}

// Whatever the logits and settings, the token drawn is one that may be drawn.
TEST(SamplerTest, RandomSettingsStayInTheSupport) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 4);
  for (int round = 0; round < 300; ++round) {
    std::vector<float> logits(1 + random() % 300);
    for (float& l : logits) l = random() % 20 == 0 ? kNan : normal(random);
    logits[random() % logits.size()] = 1;
    SamplingParams params;
    params.temperature = 0.1f + random() % 30 * 0.1f;
    params.top_k = random() % 3 == 0 ? 0 : 1 + random() % 50;
    params.top_p = (1 + random() % 10) * 0.1f;
    params.min_p = random() % 2 * 0.05f;
    params.seed = random();
    const SampleResult result = Sample(logits, params, {}, {}, round);
    ASSERT_GE(result.token, 0);
    ASSERT_LT(size_t(result.token), logits.size());
    ASSERT_FALSE(std::isnan(logits[result.token]));
    if (params.top_k > 0) {
      int larger = 0;
      for (float l : logits) larger += l > logits[result.token];
      ASSERT_LT(larger, params.top_k);
    }
  }
}

}  // namespace
}  // namespace hekla::cpu
