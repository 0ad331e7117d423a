// A queue in front of a pool, simulated: what one tenant's flood does to the waits of the others.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "service/router/admission.h"

namespace hekla::service {
namespace {

constexpr int kTenants = 10;
constexpr int kPlaces = 16;
constexpr double kLoad = 0.8;  // of the pool, when all tenants send alike
constexpr double kSecondsPerCost = 0.002;
constexpr double kMeanCost = 700;
constexpr double kEnd = 2000;  // seconds

struct Arrival {
  double at;
  int tenant;
  int64_t cost;
};

std::vector<Arrival> MakeArrivals(double flood, uint64_t seed) {
  std::mt19937_64 random(seed);
  const double rate = kLoad * kPlaces / (kMeanCost * kSecondsPerCost) / kTenants;  // of one tenant
  std::vector<Arrival> arrivals;
  for (int tenant = 0; tenant < kTenants; ++tenant) {
    std::exponential_distribution<double> gap(tenant == 0 ? rate * flood : rate);
    std::exponential_distribution<double> cost(1 / kMeanCost);
    for (double now = gap(random); now < kEnd; now += gap(random)) {
      arrivals.push_back({now, tenant, 1 + static_cast<int64_t>(cost(random))});
    }
  }
  std::sort(arrivals.begin(), arrivals.end(), [](const Arrival& a, const Arrival& b) { return a.at < b.at; });
  return arrivals;
}

struct Waits {
  double p95 = 0;
  int refused = 0;
};

// Of all tenants but the first. `fair`: the queue knows them apart.
Waits Simulate(const std::vector<Arrival>& arrivals, bool fair) {
  Admission admission(1024);
  std::priority_queue<double, std::vector<double>, std::greater<>> ends;  // of what runs
  std::vector<double> waits;
  Waits result;
  const auto fill = [&](double now) {
    admission.Match("m", [&](const QueuedRequest& request) {
      if (ends.size() == kPlaces) return Admission::Verdict::kStop;
      ends.push(now + static_cast<double>(request.cost) * kSecondsPerCost);
      if (arrivals[request.id].tenant != 0) waits.push_back(now - arrivals[request.id].at);
      return Admission::Verdict::kTake;
    });
  };
  for (uint64_t id = 0; id < arrivals.size(); ++id) {
    const Arrival& arrival = arrivals[id];
    while (!ends.empty() && ends.top() <= arrival.at) {
      const double now = ends.top();
      ends.pop();
      fill(now);
    }
    QueuedRequest request;
    request.id = id;
    request.model = "m";
    if (fair) request.tenant = absl::StrCat(arrival.tenant);
    request.arrived_us = static_cast<int64_t>(arrival.at * 1e6);
    request.expires_us = INT64_MAX;
    request.cost = arrival.cost;
    std::optional<uint64_t> pushed_out;
    const bool added = admission.Add(std::move(request), &pushed_out);
    result.refused += !added && arrival.tenant != 0;
    result.refused += pushed_out.has_value() && arrivals[*pushed_out].tenant != 0;
    fill(arrival.at);
  }
  std::sort(waits.begin(), waits.end());
  result.p95 = waits.at(waits.size() * 95 / 100);
  return result;
}

TEST(AdmissionFairnessTest, AHundredfoldFloodAtMostDoublesTheOthersP95Wait) {
  for (const uint64_t seed : {1, 2, 3}) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const std::vector<Arrival> calm = MakeArrivals(1, seed), flooded = MakeArrivals(100, seed);
    const Waits before = Simulate(calm, true), after = Simulate(flooded, true);
    const Waits unfair = Simulate(flooded, false);
    std::printf(
        "seed %d: p95 queue wait of nine tenants %.3f s; with the tenth sending 100 times as much %.3f s "
        "(%.2f times), %d of theirs refused; in one queue for all %.3f s, %d refused\n",
        static_cast<int>(seed), before.p95, after.p95, after.p95 / before.p95, after.refused, unfair.p95,
        unfair.refused);
    EXPECT_GT(before.p95, 0.05) << "without any wait there is nothing to compare";
    EXPECT_LE(after.p95, 2 * before.p95);
    EXPECT_EQ(after.refused, 0);
    EXPECT_GT(unfair.p95, 10 * before.p95) << "the flood is one";
    EXPECT_GT(unfair.refused, 100);
  }
}

}  // namespace
}  // namespace hekla::service
