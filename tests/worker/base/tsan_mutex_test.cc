// Correctly ordered accesses through Abseil. In a sanitizer build this fails if a function is not wrapped.
#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace hekla {
namespace {

TEST(TsanMutex, LockOrdersWriters) {
  absl::Mutex mutex;
  int count = 0;
  const auto add = [&] {
    for (int i = 0; i < 1000; ++i) {
      absl::MutexLock lock(&mutex);
      ++count;
    }
  };
  std::thread other(add);
  add();
  other.join();
  EXPECT_EQ(count, 2000);
}

TEST(TsanMutex, AwaitOrdersAHandOver) {
  absl::Mutex mutex;
  int turn = 0;  // even: this thread's
  const auto even = [&turn] { return turn % 2 == 0; };
  const auto odd = [&turn] { return turn % 2 == 1; };
  std::thread other([&] {
    for (int i = 0; i < 200; ++i) {
      absl::MutexLock lock(&mutex);
      EXPECT_TRUE(mutex.AwaitWithTimeout(absl::Condition(&odd), absl::Seconds(60)));
      ++turn;
    }
  });
  for (int i = 0; i < 200; ++i) {
    absl::MutexLock lock(&mutex);
    mutex.Await(absl::Condition(&even));
    ++turn;
  }
  other.join();
  EXPECT_EQ(turn, 400);
}

TEST(TsanMutex, CondVarAndNotificationOrder) {
  absl::Mutex mutex;
  absl::CondVar changed;
  absl::Notification done;
  int value = 0, answer = 0;
  std::thread other([&] {
    {
      absl::MutexLock lock(&mutex);
      while (value == 0) changed.Wait(&mutex);
    }
    answer = value + 1;  // ordered by the notification alone
    done.Notify();
  });
  {
    absl::MutexLock lock(&mutex);
    value = 41;
    changed.Signal();
  }
  done.WaitForNotification();
  EXPECT_EQ(answer, 42);
  other.join();
}

}  // namespace
}  // namespace hekla
