#include "service/router/admission.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <tuple>
#include <vector>

namespace hekla::service {
namespace {

QueuedRequest Make(uint64_t id, int64_t arrived_us, int priority = 1, const std::string& model = "m") {
  return {.id = id,
          .model = model,
          .priority = priority,
          .arrived_us = arrived_us,
          .expires_us = arrived_us + 60'000'000,
          .prompt_tokens = 10};
}

std::vector<uint64_t> Order(const Admission& admission, const std::string& model = "m") {
  std::vector<uint64_t> ids;
  admission.Visit(model, [&](const QueuedRequest& request) {
    ids.push_back(request.id);
    return true;
  });
  return ids;
}

TEST(AdmissionTest, FirstComeFirstServedInAPriority) {
  Admission admission(10);
  for (uint64_t id : {3, 1, 2}) ASSERT_TRUE(admission.Add(Make(id, static_cast<int64_t>(id) * 100)));
  EXPECT_EQ(Order(admission), (std::vector<uint64_t>{1, 2, 3}));
}

TEST(AdmissionTest, RefusesBeyondItsBoundAndTakesBackWhatItLetOut) {
  Admission admission(2);
  EXPECT_TRUE(admission.Add(Make(1, 0)));
  EXPECT_TRUE(admission.Add(Make(2, 0)));
  EXPECT_FALSE(admission.Add(Make(3, 0)));
  EXPECT_EQ(admission.size(), 2);
  EXPECT_EQ(admission.queued_tokens(), 20);
  admission.AddBack(Make(4, -5));
  EXPECT_EQ(Order(admission), (std::vector<uint64_t>{4, 1, 2}));
  EXPECT_TRUE(admission.Remove(1));
  EXPECT_FALSE(admission.Remove(1));
  EXPECT_FALSE(admission.Add(Make(5, 0))) << "two are left, the bound is two";
}

TEST(AdmissionTest, PriorityIsAHeadStartAndNotForEver) {
  Admission admission(10);
  const int64_t later = 3'000'000;
  ASSERT_TRUE(admission.Add(Make(1, 0, /*priority=*/0)));
  ASSERT_TRUE(admission.Add(Make(2, later, /*priority=*/2)));
  EXPECT_EQ(Order(admission), (std::vector<uint64_t>{2, 1}));
  ASSERT_TRUE(admission.Add(Make(3, 2 * kHeadStartMicros + 1, /*priority=*/2)));
  EXPECT_EQ(Order(admission), (std::vector<uint64_t>{2, 1, 3}))
      << "batch work that waited long enough goes first";
}

TEST(AdmissionTest, ModelsDoNotStandInEachOthersWay) {
  Admission admission(10);
  ASSERT_TRUE(admission.Add(Make(1, 0, 1, "a")));
  ASSERT_TRUE(admission.Add(Make(2, 1, 1, "b")));
  EXPECT_EQ(admission.Models(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(Order(admission, "b"), (std::vector<uint64_t>{2}));
  admission.Remove(1);
  EXPECT_EQ(admission.Models(), (std::vector<std::string>{"b"}));
}

// Random operations against a plain list.
TEST(AdmissionTest, AgreesWithAPlainListOver20000Operations) {
  const uint64_t seed = 4711;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  Admission admission(64);
  std::vector<QueuedRequest> plain;
  int64_t now = 0;
  int refused = 0, expired_total = 0;
  for (uint64_t id = 1; id <= 20000; ++id) {
    now += static_cast<int64_t>(random() % 200'000);
    QueuedRequest request = Make(id, now, static_cast<int>(random() % 3), random() % 2 ? "a" : "b");
    request.expires_us = now + static_cast<int64_t>(random() % 20'000'000);
    const bool added = admission.Add(request);
    ASSERT_EQ(added, plain.size() < 64);
    refused += !added;
    if (added) plain.push_back(request);
    if (!plain.empty() && random() % 3 == 0) {
      const size_t victim = random() % plain.size();
      ASSERT_TRUE(admission.Remove(plain[victim].id));
      plain.erase(plain.begin() + static_cast<std::ptrdiff_t>(victim));
    }
    const std::vector<uint64_t> expired = admission.TakeExpired(now);
    const size_t before = plain.size();
    std::erase_if(plain, [&](const QueuedRequest& each) { return each.expires_us <= now; });
    ASSERT_EQ(expired.size(), before - plain.size());
    expired_total += static_cast<int>(expired.size());
    if (id % 97 != 0) continue;
    std::sort(plain.begin(), plain.end(), [](const QueuedRequest& a, const QueuedRequest& b) {
      return std::make_tuple(a.arrived_us - a.priority * kHeadStartMicros, a.id) <
             std::make_tuple(b.arrived_us - b.priority * kHeadStartMicros, b.id);
    });
    for (const std::string model : {"a", "b"}) {
      std::vector<uint64_t> ids;
      for (const QueuedRequest& each : plain) {
        if (each.model == model) ids.push_back(each.id);
      }
      ASSERT_EQ(Order(admission, model), ids);
    }
    ASSERT_EQ(admission.queued_tokens(), static_cast<int64_t>(plain.size()) * 10);
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(expired_total, 0);
}

}  // namespace
}  // namespace hekla::service
