// Percentiles, offsets, summaries: what is made of what was seen.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "service/client/bench/latency_histogram.h"
#include "service/client/bench/offset_check.h"
#include "service/client/bench/random.h"
#include "service/client/bench/summary.h"
#include "service/client/bench/timeline.h"
#include "service/runtime/status.h"

namespace hekla::bench {
namespace {

constexpr absl::Duration kMs = absl::Milliseconds(1);

TEST(LatencyHistogramTest, PercentilesAreThoseOfTheSortedSamples) {
  Random random(3);
  std::vector<int64_t> samples;
  LatencyHistogram histogram, first_half, second_half;
  for (int i = 0; i < 20'000; ++i) {
    const auto us = static_cast<int64_t>(std::exp(3 + 3 * random.Normal()));  // from below 1 us to a minute
    samples.push_back(us);
    histogram.Add(absl::Microseconds(us));
    (i % 2 == 0 ? first_half : second_half).Add(absl::Microseconds(us));
  }
  first_half.Merge(second_half);
  std::sort(samples.begin(), samples.end());
  for (const double q : {0.0, 0.001, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<size_t>(std::max(1.0, std::ceil(q * 20'000)));
    const auto expected = static_cast<double>(samples[rank - 1]);
    const double found = absl::ToDoubleMicroseconds(histogram.Quantile(q));
    EXPECT_NEAR(found, expected, expected / 256 + (expected < 256 ? 0 : 1)) << q;
    EXPECT_EQ(histogram.Quantile(q), first_half.Quantile(q)) << q;
  }
  EXPECT_EQ(histogram.Max(), absl::Microseconds(samples.back()));
  EXPECT_EQ(histogram.Min(), absl::Microseconds(samples.front()));
  EXPECT_EQ(histogram.Mean(), first_half.Mean());
}

TEST(LatencyHistogramTest, EdgesOfBuckets) {
  for (const int64_t us : std::vector<int64_t>{0, 1, 255, 256, 257, 511, 512, 1023, 1024, 65535, 65536, 3'600'000'000}) {
    LatencyHistogram histogram;
    histogram.Add(absl::Microseconds(us));
    histogram.Add(absl::Microseconds(us));
    histogram.Add(absl::Hours(20));
    const auto expected = static_cast<double>(us);
    EXPECT_NEAR(absl::ToDoubleMicroseconds(histogram.Quantile(0.5)), expected, expected / 250) << us;
  }
  LatencyHistogram empty;
  EXPECT_EQ(empty.Quantile(0.5), absl::ZeroDuration());
  EXPECT_TRUE(empty.Cdf(10).empty());
  empty.Add(-kMs);
  EXPECT_EQ(empty.Max(), absl::ZeroDuration());
}

TEST(LatencyHistogramTest, TheCdfRisesToOne) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 1000; ++i) histogram.Add(i * kMs);
  const auto points = histogram.Cdf(50);
  ASSERT_GE(points.size(), 40u);
  ASSERT_LE(points.size(), 60u);
  for (size_t i = 1; i < points.size(); ++i) {
    EXPECT_GT(points[i].seconds, points[i - 1].seconds);
    EXPECT_GT(points[i].share, points[i - 1].share);
    EXPECT_NEAR(points[i].share, points[i].seconds, 0.01);
  }
  EXPECT_EQ(points.back().share, 1);
  EXPECT_EQ(points.back().seconds, 1);
}

TEST(OffsetCheckTest, GapsAndRepeatsAreCounted) {
  OffsetCheck good;
  good.Take(0, 1), good.Take(1, 3), good.Take(4, 0), good.End(4);
  EXPECT_EQ(good.skipped() + good.repeated(), 0u);
  OffsetCheck gap;
  gap.Take(0, 2), gap.Take(5, 1), gap.End(6);
  EXPECT_EQ(gap.skipped(), 3u);
  EXPECT_EQ(gap.repeated(), 0u);
  OffsetCheck repeat;
  repeat.Take(0, 4), repeat.Take(2, 4), repeat.Take(0, 1), repeat.End(6);
  EXPECT_EQ(repeat.skipped(), 0u);
  EXPECT_EQ(repeat.repeated(), 3u) << "2 and 3, then 0";
  EXPECT_EQ(repeat.next(), 6u);
  OffsetCheck cut;
  cut.Take(0, 4), cut.End(9);
  EXPECT_EQ(cut.skipped(), 5u);
  OffsetCheck extra;
  extra.Take(0, 4), extra.End(3);
  EXPECT_EQ(extra.repeated(), 1u);
}

// Due at `second`, sent 1 ms later, tokens after 100, 110, 130 ms, ended after 140 ms.
RequestRecord GoodRecord(absl::Time begin, int second) {
  RequestRecord record;
  record.intended = begin + absl::Seconds(second);
  record.started = record.intended + kMs;
  record.ended = record.intended + 140 * kMs;
  record.attempts = 1;
  record.arrivals = {{100'000, 1}, {110'000, 1}, {130'000, 2}};
  record.tokens = 4;
  record.messages = 5;
  return record;
}

TEST(SummaryTest, LatenciesCountFromTheIntendedStart) {
  const absl::Time begin = absl::FromUnixSeconds(1000);
  Summary summary(begin, {});
  summary.Add(GoodRecord(begin, 0));
  EXPECT_EQ(summary.first_token.Max(), 100 * kMs);
  EXPECT_EQ(summary.between_tokens.Min(), 10 * kMs);
  EXPECT_EQ(summary.between_tokens.Max(), 20 * kMs);
  EXPECT_EQ(summary.per_token.Max(), 10 * kMs) << "30 ms for the three tokens after the first";
  EXPECT_EQ(summary.whole.Max(), 140 * kMs);
  EXPECT_EQ(summary.start_delay.Max(), kMs);
  EXPECT_FALSE(summary.objectives().IsGiven());
  EXPECT_EQ(summary.good, 1u);
}

TEST(SummaryTest, EachObjectiveCanFail) {
  const absl::Time begin = absl::FromUnixSeconds(1000);
  const auto good_with = [&](const Objectives& objectives) {
    Summary summary(begin, objectives);
    summary.Add(GoodRecord(begin, 0));
    EXPECT_TRUE(summary.objectives().IsGiven());
    return summary.good;
  };
  const absl::Duration any = absl::InfiniteDuration();
  EXPECT_EQ(good_with({100 * kMs, 10 * kMs, 140 * kMs}), 1u);
  EXPECT_EQ(good_with({99 * kMs, any, any}), 0u);
  EXPECT_EQ(good_with({any, 9 * kMs, any}), 0u);
  EXPECT_EQ(good_with({any, any, 139 * kMs}), 0u);
}

TEST(SummaryTest, FailuresCancelsAndSlowReadersAreKeptApart) {
  const absl::Time begin = absl::FromUnixSeconds(1000);
  Summary summary(begin, {});
  RequestRecord refused;
  refused.intended = refused.started = begin;
  refused.ended = begin + 2 * kMs;
  refused.attempts = 3;
  refused.status = service::MakeError(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_QUEUE_FULL, "full");
  summary.Add(refused);
  RequestRecord cancelled = GoodRecord(begin, 0);
  cancelled.cancelled = true;
  cancelled.status = absl::CancelledError();
  summary.Add(cancelled);
  RequestRecord slow = GoodRecord(begin, 0);
  slow.slow = true;
  summary.Add(slow);
  RequestRecord broken = GoodRecord(begin, 0);
  broken.skipped = 2;
  broken.repeated = 1;
  broken.resumed_times = 1;
  summary.Add(broken);

  EXPECT_EQ(summary.requests, 4u);
  EXPECT_EQ(summary.completed, 2u);
  EXPECT_EQ(summary.failed, 1u);
  EXPECT_EQ(summary.cancelled, 1u);
  EXPECT_EQ(summary.slow, 1u);
  EXPECT_EQ(summary.attempts, 6u);
  EXPECT_EQ(summary.resumed, 1u);
  EXPECT_EQ(summary.errors.at("RESOURCE_EXHAUSTED (QUEUE_FULL)"), 1u);
  EXPECT_EQ(summary.refusal.Max(), 2 * kMs);
  EXPECT_EQ(summary.first_token.count(), 2u) << "the cancelled one and the broken one";
  EXPECT_EQ(summary.whole.count(), 1u);
  EXPECT_EQ(summary.skipped_tokens, 2u);
  EXPECT_EQ(summary.repeated_tokens, 1u);
  EXPECT_FALSE(summary.IsExact());
}

TEST(TimelineTest, NeighboursAreFoldedWhenThereAreTooMany) {
  const absl::Time begin = absl::FromUnixSeconds(1000);
  Timeline timeline(begin, 4);
  for (int second = 0; second < 10; ++second) timeline.Add(GoodRecord(begin, second));
  EXPECT_EQ(timeline.slice_length(), absl::Seconds(4));
  ASSERT_EQ(timeline.slices().size(), 3u);
  EXPECT_EQ(timeline.slices()[0].due, 4u);
  EXPECT_EQ(timeline.slices()[2].due, 2u);
  EXPECT_EQ(timeline.slices()[1].completed, 4u);
  EXPECT_EQ(timeline.slices()[1].tokens, 16u);
  EXPECT_EQ(timeline.slices()[0].first_token.count(), 4u);
  EXPECT_EQ(timeline.slices()[0].between_tokens.count(), 8u);
}

}  // namespace
}  // namespace hekla::bench
