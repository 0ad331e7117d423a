#include "service/runtime/shutdown_signal.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "absl/time/clock.h"

namespace hekla::service {
namespace {

// Each in a program of its own, which starts as this one did: fork() alone keeps locks that other tests' threads hold.
class ShutdownSignalDeathTest : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

int OneSignal() {
  InstallShutdownSignals();
  if (WaitForShutdownSignal(absl::Milliseconds(5)) != 0) return 1;
  raise(SIGTERM);
  if (WaitForShutdownSignal() != SIGTERM) return 2;
  return WaitForShutdownSignal(absl::ZeroDuration()) == SIGTERM ? 0 : 3;  // and stays one
}

int TwoSignals() {
  InstallShutdownSignals();
  raise(SIGTERM);
  raise(SIGINT);
  return 0;
}

TEST_F(ShutdownSignalDeathTest, TheFirstSignalIsAnEvent) {
  EXPECT_EXIT(_exit(OneSignal()), testing::ExitedWithCode(0), "");
}

TEST_F(ShutdownSignalDeathTest, TheSecondSignalEndsTheProcess) {
  EXPECT_EXIT(_exit(TwoSignals()), testing::ExitedWithCode(128 + SIGINT), "");
}

}  // namespace
}  // namespace hekla::service
