#include "service/router/restart_policy.h"

#include <gtest/gtest.h>

namespace hekla::service {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1000);

TEST(RestartPolicyTest, WaitsDoubleAndTheFifthExitInTwoMinutesIsTheLast) {
  RestartPolicy policy{RestartLimits()};
  absl::Time now = kStart;
  for (const int milliseconds : {500, 1000, 2000, 4000}) {
    now += absl::Seconds(10);
    EXPECT_EQ(policy.OnExit(now, absl::Seconds(1)), absl::Milliseconds(milliseconds));
  }
  EXPECT_EQ(policy.OnExit(now + absl::Seconds(79), absl::Seconds(1)), std::nullopt);
}

TEST(RestartPolicyTest, SlowFailuresWaitUpToThirtySecondsAndAreNeverParked) {
  RestartPolicy policy{RestartLimits()};
  absl::Time now = kStart;
  absl::Duration wait;
  for (int i = 0; i < 20; ++i) {
    now += absl::Seconds(40);
    const std::optional<absl::Duration> next = policy.OnExit(now, absl::Seconds(40));
    ASSERT_TRUE(next.has_value()) << i;
    EXPECT_GE(*next, wait);
    wait = *next;
  }
  EXPECT_EQ(wait, absl::Seconds(30));
}

TEST(RestartPolicyTest, AWorkerThatLivedLongStartsAnew) {
  RestartPolicy policy{RestartLimits()};
  EXPECT_EQ(policy.OnExit(kStart, absl::Seconds(1)), absl::Milliseconds(500));
  EXPECT_EQ(policy.OnExit(kStart + absl::Seconds(1), absl::Seconds(1)), absl::Seconds(1));
  EXPECT_EQ(policy.OnExit(kStart + absl::Seconds(130), absl::Seconds(119)), absl::Seconds(2));
  EXPECT_EQ(policy.OnExit(kStart + absl::Seconds(251), absl::Seconds(120)), absl::Milliseconds(500));
}

}  // namespace
}  // namespace hekla::service
