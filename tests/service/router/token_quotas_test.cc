#include "service/router/token_quotas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "service/runtime/status.h"

namespace hekla::service {
namespace {

using testing::HasSubstr;

const absl::Time kStart = absl::FromUnixSeconds(1'000'000);

Grant MakeGrant(const std::string& hash, int max_requests, int64_t tokens_per_minute) {
  Grant grant;
  grant.token_hash = hash;
  grant.tenant = "acme";
  grant.max_requests = max_requests;
  grant.tokens_per_minute = tokens_per_minute;
  return grant;
}

// Lets a request in that uses `used` tokens and ends at once.
void Serve(TokenQuotas& quotas, const Grant& grant, int64_t prompt, int64_t used, absl::Time now) {
  const auto place = quotas.Enter(grant, prompt, now);
  ASSERT_TRUE(place.ok()) << place.status();
  (*place)->Used(used);
}

TEST(TokenQuotasTest, WithoutAQuotaEverythingGoes) {
  TokenQuotas quotas;
  const auto place = quotas.Enter(MakeGrant("a", 0, 0), 1'000'000, kStart);
  ASSERT_TRUE(place.ok());
  EXPECT_EQ(*place, nullptr);
}

TEST(TokenQuotasTest, LimitsRequestsInFlightOfEachToken) {
  TokenQuotas quotas;
  const Grant grant = MakeGrant("a", 2, 0);
  auto first = quotas.Enter(grant, 10, kStart), second = quotas.Enter(grant, 10, kStart);
  ASSERT_TRUE(first.ok() && second.ok());
  const absl::Status refused = quotas.Enter(grant, 10, kStart).status();
  EXPECT_TRUE(absl::IsResourceExhausted(refused));
  EXPECT_EQ(ReasonOf(refused), v1::ERROR_REASON_QUOTA_EXCEEDED);
  EXPECT_EQ(RetryDelayOf(refused), absl::Seconds(1));
  EXPECT_THAT(refused.message(), HasSubstr("tenant 'acme': 2 requests are in flight, max-requests is 2"));
  EXPECT_TRUE(quotas.Enter(MakeGrant("b", 2, 0), 10, kStart).ok()) << "another token";
  first->reset();
  EXPECT_TRUE(quotas.Enter(grant, 10, kStart).ok());
}

TEST(TokenQuotasTest, LimitsTokensAMinute) {
  TokenQuotas quotas;
  const Grant grant = MakeGrant("a", 0, 600);
  Serve(quotas, grant, 100, 500, kStart);  // 100 are left
  const absl::Status refused = quotas.Enter(grant, 150, kStart).status();
  EXPECT_EQ(ReasonOf(refused), v1::ERROR_REASON_QUOTA_EXCEEDED);
  EXPECT_THAT(refused.message(), HasSubstr("about 150 tokens, 100 are left, tokens-per-minute is 600"));
  EXPECT_EQ(RetryDelayOf(refused), absl::Seconds(5)) << "50 tokens more at 10 a second";
  EXPECT_FALSE(quotas.Enter(grant, 150, kStart + absl::Milliseconds(4900)).ok());
  EXPECT_TRUE(quotas.Enter(grant, 150, kStart + absl::Seconds(5)).ok());
}

TEST(TokenQuotasTest, OutputMayLeaveADebt) {
  TokenQuotas quotas;
  const Grant grant = MakeGrant("a", 0, 600);
  Serve(quotas, grant, 10, 900, kStart);  // 300 too much
  EXPECT_EQ(RetryDelayOf(quotas.Enter(grant, 10, kStart).status()), absl::Seconds(31));
  EXPECT_TRUE(quotas.Enter(grant, 10, kStart + absl::Seconds(31)).ok());
}

TEST(TokenQuotasTest, TheBucketHoldsAMinuteAtMost) {
  TokenQuotas quotas;
  const Grant grant = MakeGrant("a", 0, 600);
  Serve(quotas, grant, 600, 600, kStart);
  const absl::Time later = kStart + absl::Hours(1);
  Serve(quotas, grant, 600, 600, later);
  EXPECT_FALSE(quotas.Enter(grant, 1, later).ok());
}

TEST(TokenQuotasTest, APromptLargerThanAMinuteNeedsAFullBucket) {
  TokenQuotas quotas;
  const Grant grant = MakeGrant("a", 0, 600);
  Serve(quotas, grant, 1, 1, kStart);
  EXPECT_FALSE(quotas.Enter(grant, 5000, kStart).ok());
  EXPECT_TRUE(quotas.Enter(grant, 5000, kStart + absl::Seconds(1)).ok());
}

TEST(TokenQuotasTest, WhatWasRefusedAfterAllCostsNothing) {
  TokenQuotas quotas;
  const Grant grant = MakeGrant("a", 1, 600);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(quotas.Enter(grant, 600, kStart).ok()) << i;
}

TEST(TokenQuotasTest, AChangedQuotaCountsFromTheNextRequest) {
  TokenQuotas quotas;
  Serve(quotas, MakeGrant("a", 0, 600), 600, 600, kStart);
  EXPECT_FALSE(quotas.Enter(MakeGrant("a", 0, 60'000), 10, kStart).ok()) << "what is used up is used up";
  Serve(quotas, MakeGrant("a", 0, 60'000), 10, 990, kStart + absl::Seconds(1));  // 10 of 1000 are left
  const absl::Status refused = quotas.Enter(MakeGrant("a", 0, 60), 20, kStart + absl::Seconds(1)).status();
  EXPECT_EQ(RetryDelayOf(refused), absl::Seconds(10));
}

}  // namespace
}  // namespace hekla::service
