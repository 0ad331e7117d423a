#include "worker/token_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
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

// An engine that only writes down what is to be parked.
class ParkRecorder : public engine::EngineInterface {
 public:
  absl::StatusOr<uint64_t> Submit(schedule::Request, std::shared_ptr<engine::TokenSink>) override {
    return absl::UnimplementedError("not an engine");
  }
  void Cancel(uint64_t) override {}
  void Park(uint64_t id) override { absl::StrAppend(&calls_, "park ", id, ";"); }
  void Unpark(uint64_t id) override { absl::StrAppend(&calls_, "unpark ", id, ";"); }
  void Drain() override {}
  engine::EngineStatus Status() const override { return {}; }
  void ObserveSteps(engine::StepObserver) override {}
  int64_t NowMicros() const override { return 0; }
  const std::string& calls() const { return calls_; }

 private:
  std::string calls_;
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
  TokenQueue queue_{&loop_, owner_, 4};
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

TEST_F(TokenQueueTest, TooMuchWaitingParksTheRequestUntilItIsTaken) {
  ParkRecorder engine;
  queue_.Bind(&engine, 7);
  queue_.OnTokens(Event(0, 4));
  ASSERT_TRUE(owner_->AwaitPumps(1));
  EXPECT_FALSE(queue_.parked());
  EXPECT_EQ(engine.calls(), "");
  queue_.OnTokens(Event(4, 1));
  EXPECT_TRUE(queue_.parked());
  EXPECT_TRUE(owner_->AwaitPumps(2));  // not armed, but over the limit
  queue_.OnTokens(Event(5, 1));        // of a step that was in flight
  EXPECT_EQ(engine.calls(), "park 7;");
  TokenQueue::Taken taken;
  ASSERT_TRUE(queue_.Take(&taken, false));
  EXPECT_EQ(taken.events[0].tokens.size(), 6u);
  EXPECT_FALSE(queue_.parked());
  EXPECT_EQ(engine.calls(), "park 7;unpark 7;");
  queue_.OnTokens(Event(6, 5));
  EXPECT_EQ(engine.calls(), "park 7;unpark 7;park 7;");
  queue_.Close();
  queue_.OnTokens(Event(11, 5));
  EXPECT_FALSE(queue_.Take(&taken, false));
  EXPECT_EQ(engine.calls(), "park 7;unpark 7;park 7;");
}

TEST_F(TokenQueueTest, ParksWhatCameBeforeItWasBound) {
  ParkRecorder engine;
  queue_.OnTokens(Event(0, 5));
  EXPECT_FALSE(queue_.parked());
  queue_.Bind(&engine, 7);
  EXPECT_TRUE(queue_.parked());
  EXPECT_EQ(engine.calls(), "park 7;");
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
