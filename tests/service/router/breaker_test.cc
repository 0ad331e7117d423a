#include "service/router/breaker.h"

#include <gtest/gtest.h>

namespace hekla::service {
namespace {

using State = Breaker::State;

absl::Time At(double seconds) { return absl::UnixEpoch() + absl::Seconds(seconds); }

void Fail(Breaker* breaker, int times, double from) {
  for (int i = 0; i < times; ++i) breaker->Failed(breaker->Send(At(from + i)), At(from + i));
}

TEST(BreakerTest, FiveFaultsIn30SecondsOpenIt) {
  Breaker breaker;
  Fail(&breaker, 4, 0);
  EXPECT_EQ(breaker.StateAt(At(4)), State::kClosed);
  Fail(&breaker, 1, 29.9);
  EXPECT_EQ(breaker.StateAt(At(30)), State::kOpen);
  EXPECT_FALSE(breaker.Allows(At(30)));
}

TEST(BreakerTest, FaultsThatAreFarApartDoNot) {
  Breaker breaker;
  for (int i = 0; i < 20; ++i) breaker.Failed(false, At(8 * i));
  EXPECT_EQ(breaker.StateAt(At(200)), State::kClosed) << "never more than four in 30 s";
}

TEST(BreakerTest, SuccessesDoNotHideFaults) {
  Breaker breaker;
  for (int i = 0; i < 5; ++i) {
    for (int k = 0; k < 10; ++k) breaker.Succeeded(false, At(i));
    breaker.Failed(false, At(i));
  }
  EXPECT_EQ(breaker.StateAt(At(5)), State::kOpen);
}

TEST(BreakerTest, OneProbeAtATimeAndTwoSuccessesCloseIt) {
  Breaker breaker;
  Fail(&breaker, 5, 0);
  EXPECT_FALSE(breaker.Allows(At(8.9)));
  EXPECT_EQ(breaker.StateAt(At(9)), State::kHalfOpen) << "5 s after the last fault, at 4 s";
  ASSERT_TRUE(breaker.Allows(At(9)));
  EXPECT_TRUE(breaker.Send(At(9)));
  EXPECT_FALSE(breaker.Allows(At(9))) << "a probe is under way";
  EXPECT_FALSE(breaker.Send(At(9))) << "what is sent all the same (panic) is no probe";
  breaker.Succeeded(false, At(9));
  EXPECT_FALSE(breaker.Allows(At(9)));
  breaker.Succeeded(true, At(10));
  EXPECT_EQ(breaker.StateAt(At(10)), State::kHalfOpen) << "one success is not enough";
  EXPECT_TRUE(breaker.Send(At(10)));
  breaker.Succeeded(true, At(11));
  EXPECT_EQ(breaker.StateAt(At(11)), State::kClosed);
  Fail(&breaker, 4, 11);
  EXPECT_EQ(breaker.StateAt(At(15)), State::kClosed) << "old faults are forgotten";
}

TEST(BreakerTest, AProbeThatSaysNothingFreesItsPlace) {
  Breaker breaker;
  Fail(&breaker, 5, 0);
  EXPECT_TRUE(breaker.Send(At(10)));
  breaker.Released(true);
  EXPECT_TRUE(breaker.Send(At(10)));
}

TEST(BreakerTest, EachFailedProbeDoublesThePauseUpToAMinute) {
  Breaker breaker;
  Fail(&breaker, 5, 0);
  double now = 4;
  for (const double pause : {5.0, 10.0, 20.0, 40.0, 60.0, 60.0}) {
    EXPECT_FALSE(breaker.Allows(At(now + pause - 0.01))) << pause;
    now += pause;
    ASSERT_TRUE(breaker.Send(At(now))) << pause;
    breaker.Failed(true, At(now));
  }
}

TEST(BreakerTest, FaultsOfWhatWasSentBeforeItOpenedAddNothing) {
  Breaker breaker;
  Fail(&breaker, 5, 0);
  for (int i = 0; i < 10; ++i) breaker.Failed(false, At(6));
  EXPECT_EQ(breaker.StateAt(At(9)), State::kHalfOpen);
}

TEST(BreakerTest, OneWedgeOpensIt) {
  Breaker breaker;
  breaker.Wedged(At(0));
  EXPECT_EQ(breaker.StateAt(At(4.9)), State::kOpen);
  EXPECT_EQ(breaker.StateAt(At(5)), State::kHalfOpen);
  breaker.Wedged(At(5));
  EXPECT_EQ(breaker.StateAt(At(14.9)), State::kOpen) << "a wedge of the probe doubles the pause";
}

TEST(BreakerTest, ADeathIsOneFaultHoweverManyRequestsBrokeWithIt) {
  Breaker breaker;
  for (int i = 0; i < 40; ++i) breaker.Failed(false, At(10 + 0.001 * i));
  EXPECT_EQ(breaker.StateAt(At(10.1)), State::kOpen);
  breaker.Died(At(10.1));
  EXPECT_EQ(breaker.StateAt(At(10.1)), State::kClosed);
  Fail(&breaker, 3, 11);
  EXPECT_EQ(breaker.StateAt(At(14)), State::kClosed);
  Fail(&breaker, 1, 14);
  EXPECT_EQ(breaker.StateAt(At(15)), State::kOpen) << "the death was the first of five";
}

TEST(BreakerTest, ACrashLoopOpensIt) {
  Breaker breaker;
  for (int i = 0; i < 5; ++i) breaker.Died(At(5 * i));
  EXPECT_EQ(breaker.StateAt(At(21)), State::kOpen);
}

TEST(BreakerTest, ADeathDoesNotUndoAWedge) {
  Breaker breaker;
  breaker.Wedged(At(0));
  breaker.Died(At(0.1));
  EXPECT_EQ(breaker.StateAt(At(1)), State::kOpen);
}

TEST(BreakerTest, ADeathEndsItsProbe) {
  Breaker breaker;
  breaker.Wedged(At(0));
  ASSERT_TRUE(breaker.Send(At(6)));
  breaker.Died(At(7));
  EXPECT_EQ(breaker.StateAt(At(16)), State::kOpen) << "the probe failed";
  EXPECT_TRUE(breaker.Allows(At(17)));
}

}  // namespace
}  // namespace hekla::service
