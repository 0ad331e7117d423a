#include "service/router/progress_watch.h"

#include <gtest/gtest.h>

namespace hekla::service {
namespace {

absl::Time At(double seconds) { return absl::UnixEpoch() + absl::Seconds(seconds); }

StepReport Working(uint64_t steps, double step_seconds = 0.02, double age = 0) {
  return {.steps_total = steps, .step_seconds = step_seconds, .last_step_age = absl::Seconds(age), .has_work = true};
}

TEST(ProgressWatchTest, WorkWithoutAStepIsAStall) {
  ProgressWatch watch;
  watch.Report(Working(100), At(0));
  for (int i = 1; i <= 20; ++i) watch.Report(Working(100), At(0.25 * i));
  EXPECT_FALSE(watch.IsStalled(1, At(5)));
  EXPECT_TRUE(watch.IsStalled(1, At(5.01))) << "reports that say the same are no progress";
  watch.Report(Working(101), At(6));
  EXPECT_FALSE(watch.IsStalled(1, At(6))) << "it moves again";
}

TEST(ProgressWatchTest, ALongPrefillThatMakesStepsIsHealthy) {
  ProgressWatch watch;
  uint64_t steps = 0;
  for (int i = 0; i < 100; ++i) {
    watch.Report(Working(++steps, 0.02), At(4.9 * i));
    EXPECT_FALSE(watch.IsStalled(1, At(4.9 * i + 4.8)));
  }
}

TEST(ProgressWatchTest, SlowStepsGetMoreTime) {
  ProgressWatch watch;
  watch.Report(Working(1, /*step_seconds=*/2), At(0));
  EXPECT_FALSE(watch.IsStalled(1, At(40)));
  EXPECT_TRUE(watch.IsStalled(1, At(40.1)));
}

TEST(ProgressWatchTest, TheAgeOfTheLastStepCounts) {
  ProgressWatch watch;
  watch.Report(Working(1), At(0));
  watch.Report(Working(2, 0.02, /*age=*/3), At(4));
  EXPECT_FALSE(watch.IsStalled(1, At(6)));
  EXPECT_TRUE(watch.IsStalled(1, At(6.1)));
}

TEST(ProgressWatchTest, IdleIsNotAStall) {
  ProgressWatch watch;
  watch.Report({}, At(0));
  EXPECT_FALSE(watch.IsStalled(0, At(1000)));
  watch.Report(Working(0), At(1000));
  EXPECT_FALSE(watch.IsStalled(1, At(1004))) << "the time without work does not count";
}

TEST(ProgressWatchTest, SilenceWithOurRequestsThereIsAStall) {
  ProgressWatch watch;
  watch.Report({}, At(0));
  watch.Sent(/*was_idle=*/true, At(100));
  EXPECT_FALSE(watch.IsStalled(1, At(105)));
  watch.Sent(/*was_idle=*/false, At(104));
  EXPECT_TRUE(watch.IsStalled(2, At(105.1)));
  EXPECT_FALSE(watch.IsStalled(0, At(105.1)));
}

TEST(ProgressWatchTest, WhoNeverReportsIsNotJudged) {
  ProgressWatch watch;
  watch.Sent(true, At(0));
  EXPECT_FALSE(watch.IsStalled(1, At(1000)));
}

}  // namespace
}  // namespace hekla::service
