#include "service/router/retry_budget.h"

#include <gtest/gtest.h>

namespace hekla::service {
namespace {

absl::Time At(double seconds) { return absl::FromUnixSeconds(1'000'000) + absl::Seconds(seconds); }

int TakeAll(RetryBudget* budget, absl::Time now) {
  int taken = 0;
  while (budget->TakeRetry(now)) ++taken;
  return taken;
}

TEST(RetryBudgetTest, AFifthOfTheRequestsAndAReserve) {
  RetryBudget budget;
  EXPECT_EQ(TakeAll(&budget, At(0)), 10) << "the reserve, without any request";
  for (int i = 0; i < 1000; ++i) budget.CountRequest(At(1));
  EXPECT_EQ(TakeAll(&budget, At(1)), 200);
  EXPECT_FALSE(budget.TakeRetry(At(5)));
}

TEST(RetryBudgetTest, TenSecondsLaterItIsForgotten) {
  RetryBudget budget;
  for (int i = 0; i < 100; ++i) budget.CountRequest(At(0));
  EXPECT_EQ(TakeAll(&budget, At(0)), 30);
  EXPECT_FALSE(budget.TakeRetry(At(9)));
  EXPECT_EQ(TakeAll(&budget, At(10)), 10);
  for (int i = 0; i < 50; ++i) budget.CountRequest(At(500));
  EXPECT_EQ(TakeAll(&budget, At(500)), 20);
}

}  // namespace
}  // namespace hekla::service
