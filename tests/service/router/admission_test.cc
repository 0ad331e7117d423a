#include "service/router/admission.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
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

bool Add(Admission* admission, QueuedRequest request) {
  std::optional<uint64_t> pushed_out;
  const bool added = admission->Add(std::move(request), &pushed_out);
  EXPECT_FALSE(pushed_out.has_value());
  return added;
}

QueuedRequest Of(const std::string& tenant, uint64_t id, int64_t cost = 100) {
  QueuedRequest request = Make(id, static_cast<int64_t>(id));
  request.tenant = tenant;
  request.cost = cost;
  return request;
}

// Ids in the order in which they are served while there is room for `room` of them.
std::vector<uint64_t> Serve(Admission* admission, size_t room = 1000) {
  std::vector<uint64_t> ids;
  admission->Match("m", [&](const QueuedRequest& request) {
    if (ids.size() == room) return Admission::Verdict::kStop;
    ids.push_back(request.id);
    return Admission::Verdict::kTake;
  });
  return ids;
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
  for (uint64_t id : {3, 1, 2}) ASSERT_TRUE(Add(&admission, Make(id, static_cast<int64_t>(id) * 100)));
  EXPECT_EQ(Order(admission), (std::vector<uint64_t>{1, 2, 3}));
}

TEST(AdmissionTest, RefusesBeyondItsBoundAndTakesBackWhatItLetOut) {
  Admission admission(2);
  EXPECT_TRUE(Add(&admission, Make(1, 0)));
  EXPECT_TRUE(Add(&admission, Make(2, 0)));
  EXPECT_FALSE(Add(&admission, Make(3, 0)));
  EXPECT_EQ(admission.size(), 2);
  EXPECT_EQ(admission.queued_tokens(), 20);
  admission.AddBack(Make(4, -5));
  EXPECT_EQ(Order(admission), (std::vector<uint64_t>{4, 1, 2}));
  EXPECT_TRUE(admission.Remove(1));
  EXPECT_FALSE(admission.Remove(1));
  EXPECT_FALSE(Add(&admission, Make(5, 0))) << "two are left, the bound is two";
}

TEST(AdmissionTest, PriorityIsAHeadStartAndNotForEver) {
  Admission admission(10);
  const int64_t later = 3'000'000;
  ASSERT_TRUE(Add(&admission, Make(1, 0, /*priority=*/0)));
  ASSERT_TRUE(Add(&admission, Make(2, later, /*priority=*/2)));
  EXPECT_EQ(Order(admission), (std::vector<uint64_t>{2, 1}));
  ASSERT_TRUE(Add(&admission, Make(3, 2 * kHeadStartMicros + 1, /*priority=*/2)));
  EXPECT_EQ(Order(admission), (std::vector<uint64_t>{2, 1, 3}))
      << "batch work that waited long enough goes first";
}

TEST(AdmissionTest, ModelsDoNotStandInEachOthersWay) {
  Admission admission(10);
  ASSERT_TRUE(Add(&admission, Make(1, 0, 1, "a")));
  ASSERT_TRUE(Add(&admission, Make(2, 1, 1, "b")));
  EXPECT_EQ(admission.Models(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(Order(admission, "b"), (std::vector<uint64_t>{2}));
  admission.Remove(1);
  EXPECT_EQ(admission.Models(), (std::vector<std::string>{"b"}));
}

TEST(AdmissionTest, TenantsTakeTurnsByCost) {
  Admission admission(100);
  for (uint64_t id = 0; id < 20; ++id) ASSERT_TRUE(Add(&admission, Of("many", id, kQuantum)));
  for (uint64_t id = 20; id < 40; ++id) ASSERT_TRUE(Add(&admission, Of("few", id, kQuantum / 2)));
  std::map<bool, int64_t> spent;
  for (const uint64_t id : Serve(&admission, 18)) spent[id < 20] += id < 20 ? kQuantum : kQuantum / 2;
  EXPECT_EQ(spent[true], 6 * kQuantum);
  EXPECT_EQ(spent[false], 6 * kQuantum) << "twelve at half the cost";
}

TEST(AdmissionTest, ATurnGoesOnWhereTheLastMatchStopped) {
  Admission admission(100);
  for (uint64_t id = 0; id < 8; ++id) ASSERT_TRUE(Add(&admission, Of("a", id, kQuantum)));
  for (uint64_t id = 8; id < 16; ++id) ASSERT_TRUE(Add(&admission, Of("b", id, kQuantum)));
  std::vector<uint64_t> ids;
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(Serve(&admission, 0).size(), 0u) << "a look without room changes nothing";
    ids.push_back(Serve(&admission, 1).at(0));
  }
  EXPECT_EQ(ids, (std::vector<uint64_t>{0, 8, 1, 9, 2, 10, 3, 11}));
}

TEST(AdmissionTest, ACostOfManyTurnsIsSavedUpFor) {
  Admission admission(100);
  ASSERT_TRUE(Add(&admission, Of("huge", 0, 100 * kQuantum)));
  for (uint64_t id = 1; id < 60; ++id) ASSERT_TRUE(Add(&admission, Of("small", id, 2 * kQuantum)));
  const std::vector<uint64_t> ids = Serve(&admission);
  const auto place = std::find(ids.begin(), ids.end(), 0u) - ids.begin();
  EXPECT_NEAR(static_cast<double>(place), 50, 2) << "half of what was served before it was its share";
  Admission alone(1);
  ASSERT_TRUE(Add(&alone, Of("huge", 7, int64_t{1} << 50)));
  EXPECT_EQ(Serve(&alone), (std::vector<uint64_t>{7})) << "at once, however many turns that is";
}

TEST(AdmissionTest, WhoSendsLittleGoesFirstWithWhatItSavedUp) {
  Admission admission(1000);
  ASSERT_TRUE(Add(&admission, Of("few", 0, kQuantum)));
  EXPECT_EQ(Serve(&admission).size(), 1u);
  for (uint64_t id = 1; id <= 100; ++id) ASSERT_TRUE(Add(&admission, Of("many", id, kQuantum)));
  EXPECT_EQ(Serve(&admission, 50).size(), 50u);
  for (uint64_t id = 200; id < 240; ++id) ASSERT_TRUE(Add(&admission, Of("few", id, kQuantum)));
  const std::vector<uint64_t> ids = Serve(&admission, 40);
  const auto at_once = std::find_if(ids.begin(), ids.end(), [](uint64_t id) { return id < 200; }) - ids.begin();
  EXPECT_GE(at_once, kMaxCredit / kQuantum - 1) << "what it saved up while the other one was served";
  EXPECT_LE(at_once, kMaxCredit / kQuantum + 2) << "and no more";
}

TEST(AdmissionTest, WhatIsSkippedStaysAndHoldsUpNobody) {
  Admission admission(100);
  for (uint64_t id = 0; id < 6; ++id) ASSERT_TRUE(Add(&admission, Of(id % 2 ? "a" : "b", id)));
  std::vector<uint64_t> shown;
  admission.Match("m", [&](const QueuedRequest& request) {
    shown.push_back(request.id);
    return request.id == 5 ? Admission::Verdict::kTake : Admission::Verdict::kSkip;
  });
  EXPECT_EQ(shown.size(), 6u) << "each once";
  EXPECT_EQ(admission.size(), 5);
  EXPECT_EQ(Serve(&admission).size(), 5u);
}

TEST(AdmissionTest, AFullQueueIsShared) {
  Admission admission(4);
  for (uint64_t id = 0; id < 4; ++id) ASSERT_TRUE(Add(&admission, Of("many", id)));
  EXPECT_FALSE(Add(&admission, Of("many", 4)));
  std::optional<uint64_t> pushed_out;
  ASSERT_TRUE(admission.Add(Of("few", 5), &pushed_out));
  EXPECT_EQ(pushed_out, 3u) << "the last of the tenant with the most";
  ASSERT_TRUE(admission.Add(Of("few", 6), &pushed_out));
  EXPECT_EQ(pushed_out, 2u);
  EXPECT_FALSE(Add(&admission, Of("few", 7))) << "both have two";
  EXPECT_EQ(admission.size(), 4);
}

TEST(AdmissionTest, WhatCameBackIsNotPushedOutAndCostsNothing) {
  Admission admission(2);
  admission.AddBack(Of("many", 0, 1000 * kQuantum));
  admission.AddBack(Of("many", 1, 1000 * kQuantum));
  EXPECT_FALSE(Add(&admission, Of("few", 2)));
  ASSERT_TRUE(admission.Remove(1));
  ASSERT_TRUE(Add(&admission, Of("few", 3, kQuantum)));
  EXPECT_EQ(Serve(&admission), (std::vector<uint64_t>{0, 3}));
}

TEST(AdmissionTest, CountsWhoIsServedBefore) {
  Admission admission(100);
  for (uint64_t id = 0; id < 50; ++id) ASSERT_TRUE(Add(&admission, Of("many", id)));
  for (uint64_t id = 50; id < 53; ++id) ASSERT_TRUE(Add(&admission, Of("few", id)));
  EXPECT_EQ(admission.AheadOf("m", "many"), 53);
  EXPECT_EQ(admission.AheadOf("m", "few"), 3 + 4);
  EXPECT_EQ(admission.AheadOf("m", "new"), 2);
  EXPECT_EQ(admission.AheadOf("other", "few"), 0);
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
    const bool added = Add(&admission, request);
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
