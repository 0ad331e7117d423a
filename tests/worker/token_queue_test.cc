#include "worker/token_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"

namespace hekla::worker {
namespace {

class CountingTask : public WriteTask {
 public:
  void Pump() override {
    absl::MutexLock lock(&mutex_);
    ++pumps_;
  }
  bool AwaitPumps(int count) {
    absl::MutexLock lock(&mutex_);
    auto reached = [this, count] { return pumps_ >= count; };
    return mutex_.AwaitWithTimeout(absl::Condition(&reached), absl::Seconds(20));
  }
  int pumps() {
    absl::MutexLock lock(&mutex_);
    return pumps_;
  }

 private:
  absl::Mutex mutex_;
  int pumps_ = 0;
};

engine::TokenEvent Event(int offset, int tokens) {
  engine::TokenEvent event;
  event.token_offset = offset;
  for (int i = 0; i < tokens; ++i) event.tokens.push_back(offset + i);
  return event;
}

class TokenQueueTest : public testing::Test {
 protected:
  WriteLoop loop_;
  std::shared_ptr<CountingTask> owner_ = std::make_shared<CountingTask>();
  TokenQueue queue_{&loop_, owner_, 4, 8};
};

TEST_F(TokenQueueTest, EventsThatGoOnMergeAndGapsStayVisible) {
  queue_.OnStarted(absl::Seconds(1), 2);
  queue_.OnTokens(Event(0, 1));
  queue_.OnTokens(Event(1, 2));
  queue_.OnTokens(Event(4, 1));  // 3 is missing
  engine::TokenEvent last = Event(5, 0);
  last.finish = schedule::FinishReason::kEos;
  queue_.OnTokens(last);
  TokenQueue::Taken taken;
  ASSERT_TRUE(queue_.Take(&taken, false));
  EXPECT_TRUE(taken.started);
  EXPECT_EQ(taken.cached_tokens, 2);
  ASSERT_EQ(taken.events.size(), 2u);
  EXPECT_EQ(taken.events[0].tokens, (std::vector<schedule::TokenId>{0, 1, 2}));
  EXPECT_EQ(taken.events[1].token_offset, 4);
  EXPECT_EQ(taken.events[1].finish, schedule::FinishReason::kEos);
  EXPECT_FALSE(queue_.Take(&taken, false));
}

TEST_F(TokenQueueTest, WakesItsOwnerOnlyWhenArmed) {
  queue_.OnTokens(Event(0, 1));  // armed from the start
  ASSERT_TRUE(owner_->AwaitPumps(1));
  queue_.OnTokens(Event(1, 1));
  TokenQueue::Taken taken;
  ASSERT_TRUE(queue_.Take(&taken, true));
  queue_.OnTokens(Event(2, 1));  // the Take before was not empty
  ASSERT_TRUE(queue_.Take(&taken, true));
  EXPECT_FALSE(queue_.Take(&taken, true));
  EXPECT_EQ(owner_->pumps(), 1);
  queue_.OnTokens(Event(3, 1));
  EXPECT_TRUE(owner_->AwaitPumps(2));
}

TEST_F(TokenQueueTest, FillIsToldAndPastTheHardLimitNothingIsKept) {
  queue_.OnTokens(Event(0, 4));
  ASSERT_TRUE(owner_->AwaitPumps(1));
  EXPECT_EQ(queue_.fill(), TokenQueue::Fill::kNormal);
  queue_.OnTokens(Event(4, 1));
  EXPECT_EQ(queue_.fill(), TokenQueue::Fill::kOverSoft);
  EXPECT_TRUE(owner_->AwaitPumps(2));  // not armed, but over the limit
  queue_.OnTokens(Event(5, 4));
  EXPECT_EQ(queue_.fill(), TokenQueue::Fill::kOverHard);
  TokenQueue::Taken taken;
  ASSERT_TRUE(queue_.Take(&taken, false));
  EXPECT_EQ(taken.events[0].tokens.size(), 5u);
  EXPECT_EQ(queue_.fill(), TokenQueue::Fill::kOverHard) << "tokens were lost";
}

TEST_F(TokenQueueTest, ClosedItDropsEverything) {
  queue_.OnTokens(Event(0, 1));
  ASSERT_TRUE(owner_->AwaitPumps(1));
  queue_.Close();
  queue_.OnTokens(Event(1, 1));
  TokenQueue::Taken taken;
  EXPECT_FALSE(queue_.Take(&taken, true));
  queue_.OnTokens(Event(2, 1));
  EXPECT_FALSE(queue_.Take(&taken, true));
  EXPECT_EQ(owner_->pumps(), 1);
}

TEST_F(TokenQueueTest, OutlivesItsOwner) {
  owner_.reset();
  queue_.OnTokens(Event(0, 1));
  TokenQueue::Taken taken;
  EXPECT_TRUE(queue_.Take(&taken, true));
}

}  // namespace
}  // namespace hekla::worker
