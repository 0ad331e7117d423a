#include "service/runtime/reload_signal.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>

#include "absl/synchronization/notification.h"

namespace hekla::service {
namespace {

TEST(ReloadSignalTest, EachHangUpReloads) {
  absl::Notification first, second;
  std::atomic<int> count = 0;
  {
    const ReloadSignal signal([&] { ++count == 1 ? first.Notify() : second.Notify(); });
    raise(SIGHUP);
    ASSERT_TRUE(first.WaitForNotificationWithTimeout(absl::Seconds(20)));
    raise(SIGHUP);
    ASSERT_TRUE(second.WaitForNotificationWithTimeout(absl::Seconds(20)));
  }
  raise(SIGHUP);
  EXPECT_EQ(count, 2) << "ignored once nobody listens";
}

TEST(ReloadSignalTest, OneAfterTheOther) {
  for (int i = 0; i < 3; ++i) {
    absl::Notification done;
    const ReloadSignal signal([&] { done.Notify(); });
    raise(SIGHUP);
    EXPECT_TRUE(done.WaitForNotificationWithTimeout(absl::Seconds(20)));
  }
}

}  // namespace
}  // namespace hekla::service
