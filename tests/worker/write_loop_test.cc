#include "worker/write_loop.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <utility>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"

namespace hekla::worker {
namespace {

class FunctionTask : public WriteTask {
 public:
  explicit FunctionTask(std::function<void()> function) : function_(std::move(function)) {}
  void Pump() override { function_(); }

 private:
  std::function<void()> function_;
};

TEST(WriteLoopTest, PostsBetweenTwoPumpsMerge) {
  WriteLoop loop;
  absl::Notification entered, go, done;
  auto blocker = std::make_shared<FunctionTask>([&] {
    entered.Notify();
    go.WaitForNotification();
  });
  int pumps = 0;
  auto task = std::make_shared<FunctionTask>([&] { ++pumps; });
  loop.Post(blocker);
  entered.WaitForNotification();
  for (int i = 0; i < 5; ++i) loop.Post(task);
  loop.Post(std::make_shared<FunctionTask>([&] { done.Notify(); }));
  go.Notify();
  done.WaitForNotification();
  EXPECT_EQ(pumps, 1);
}

TEST(WriteLoopTest, APostDuringAPumpCausesAnother) {
  WriteLoop loop;
  absl::Notification done;
  int pumps = 0;
  std::shared_ptr<FunctionTask> task;
  task = std::make_shared<FunctionTask>([&] {
    if (++pumps == 1) loop.Post(task);
    if (pumps == 2) done.Notify();
  });
  loop.Post(task);
  done.WaitForNotification();
  EXPECT_EQ(pumps, 2);
}

TEST(WriteLoopTest, TimersComeInOrderAndNotBeforeTheirTime) {
  WriteLoop loop;
  absl::Notification done;
  std::vector<int> order;
  const absl::Time start = absl::Now();
  auto late = std::make_shared<FunctionTask>([&] {
    order.push_back(2);
    EXPECT_GE(absl::Now(), start + absl::Milliseconds(30));
    done.Notify();
  });
  auto early = std::make_shared<FunctionTask>([&] { order.push_back(1); });
  auto gone = std::make_shared<FunctionTask>([&] { order.push_back(0); });
  loop.PostAt(start + absl::Milliseconds(30), late);
  loop.PostAt(start + absl::Milliseconds(10), early);
  loop.PostAt(start + absl::Milliseconds(5), gone);
  gone.reset();
  done.WaitForNotification();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

}  // namespace
}  // namespace hekla::worker
