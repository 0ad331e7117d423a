#include "service/router/dispatcher.h"

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <optional>

#include "absl/time/clock.h"
#include "service/runtime/status.h"

namespace hekla::service {
namespace {

std::shared_ptr<Worker> MakeWorker(const std::string& id, uint32_t sequences = 1,
                                   const std::string& hash = "h") {
  v1::Registration registration;
  registration.set_worker_id(id);
  registration.mutable_model()->set_name("m");
  registration.mutable_model()->set_weights_hash(hash);
  registration.mutable_model()->mutable_limits()->set_max_sequences(sequences);
  return std::make_shared<Worker>(registration, false,
                                  grpc::CreateChannel("127.0.0.1:1", grpc::InsecureChannelCredentials()),
                                  [](const v1::RouterCommand&) {});
}

constexpr absl::Duration kLimit = absl::Seconds(20);

// Who was let out, in order. Any thread.
class Order {
 public:
  void Add(int name) {
    absl::MutexLock lock(&mutex_);
    names_.push_back(name);
  }
  // Once there are `count` of them, or after 20 s.
  std::vector<int> Await(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto is_there = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return names_.size() >= count; };
    mutex_.AwaitWithTimeout(absl::Condition(&is_there), kLimit);
    return names_;
  }

 private:
  absl::Mutex mutex_;
  std::vector<int> names_ ABSL_GUARDED_BY(mutex_);
};

// Remembers what it got, which may come on the dispatcher's own thread.
class RecordingWaiter final : public Dispatcher::Waiter {
 public:
  RecordingWaiter(int name, Order* order) : name_(name), order_(order) {}
  void OnWorker(Claim claim) override {
    {
      absl::MutexLock lock(&mutex_);
      claim_.emplace(std::move(claim));
    }
    order_->Add(name_);
  }
  void OnRefused(absl::Status status) override {
    absl::MutexLock lock(&mutex_);
    refused_ = std::move(status);
  }
  absl::Status AwaitRefusal() {
    absl::MutexLock lock(&mutex_);
    const auto is_refused = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !refused_.ok(); };
    mutex_.AwaitWithTimeout(absl::Condition(&is_refused), kLimit);
    return refused_;
  }
  // The worker, nullptr after 20 s.
  std::shared_ptr<Worker> AwaitWorker() {
    absl::MutexLock lock(&mutex_);
    const auto has_claim = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return claim_.has_value(); };
    return mutex_.AwaitWithTimeout(absl::Condition(&has_claim), kLimit) ? claim_->worker() : nullptr;
  }
  bool has_claim() {
    absl::MutexLock lock(&mutex_);
    return claim_.has_value();
  }
  void End(bool worker_is_full = false) {
    AwaitWorker();
    std::optional<Claim> claim;
    {
      absl::MutexLock lock(&mutex_);
      claim.emplace(*std::move(claim_));
      claim_.reset();
    }
    if (worker_is_full) claim->WorkerIsFull();
  }

 private:
  const int name_;
  Order* const order_;
  absl::Mutex mutex_;
  std::optional<Claim> claim_ ABSL_GUARDED_BY(mutex_);
  absl::Status refused_ ABSL_GUARDED_BY(mutex_);
};

class DispatcherTest : public testing::Test {
 protected:
  std::shared_ptr<RecordingWaiter> Enqueue(int name, int priority = 1, WorkerNeed need = {}) {
    auto waiter = std::make_shared<RecordingWaiter>(name, &order_);
    need.model = "m";
    need.priority = priority;
    if (need.queue_end == absl::Time()) need.queue_end = absl::Now() + absl::Seconds(60);
    need.arrived = absl::Now();
    status_ = dispatcher_.Enqueue(static_cast<uint64_t>(name), need, waiter);
    return waiter;
  }
  Order order_;
  absl::Status status_;
  WorkerRegistry registry_{[] {}};
  Dispatcher dispatcher_{{.max_queued = 3, .worker_wait = absl::Milliseconds(100)}, &registry_};
};

TEST_F(DispatcherTest, FreePlacesGoByPriorityThenArrival) {
  ASSERT_TRUE(registry_.Add(MakeWorker("w")).ok());  // one sequence and one kept ready
  auto a = Enqueue(1);
  ASSERT_NE(a->AwaitWorker(), nullptr);
  auto b = Enqueue(2);
  ASSERT_NE(b->AwaitWorker(), nullptr);
  auto batch = Enqueue(3, 0), normal = Enqueue(4, 1), urgent = Enqueue(5, 2);
  EXPECT_EQ(dispatcher_.queued(), 3);
  auto refused = Enqueue(6, 2);
  EXPECT_EQ(ReasonOf(status_), v1::ERROR_REASON_QUEUE_FULL);
  a->End();
  EXPECT_EQ(order_.Await(3), (std::vector<int>{1, 2, 5}));
  b->End();
  EXPECT_EQ(order_.Await(4), (std::vector<int>{1, 2, 5, 4}));
  urgent->End();
  EXPECT_EQ(order_.Await(5), (std::vector<int>{1, 2, 5, 4, 3}));
}

TEST_F(DispatcherTest, WhoLeavesTheQueueIsNotCalled) {
  auto waiter = Enqueue(1);
  EXPECT_TRUE(dispatcher_.Remove(1));
  EXPECT_FALSE(dispatcher_.Remove(1));
  ASSERT_TRUE(registry_.Add(MakeWorker("w")).ok());
  dispatcher_.Pump();
  auto next = Enqueue(2);
  EXPECT_EQ(order_.Await(1), (std::vector<int>{2}));
}

TEST_F(DispatcherTest, TriedWorkersAreAvoidedWhileThereIsAnother) {
  const auto tried = MakeWorker("tried", 8), fresh = MakeWorker("fresh", 8);
  ASSERT_TRUE(registry_.Add(tried).ok());
  WorkerNeed need;
  need.tried = {tried};
  auto alone = Enqueue(1, 1, need);
  EXPECT_EQ(alone->AwaitWorker(), tried);
  ASSERT_TRUE(registry_.Add(fresh).ok());
  for (int name = 2; name < 8; ++name) EXPECT_EQ(Enqueue(name, 1, need)->AwaitWorker(), fresh);
}

TEST_F(DispatcherTest, AStreamIsResumedOnlyWithTheSameWeights) {
  ASSERT_TRUE(registry_.Add(MakeWorker("other", 8, "other-hash")).ok());
  WorkerNeed need;
  need.weights_hash = "h";
  auto waiter = Enqueue(1, 1, need);
  auto any = Enqueue(2);
  EXPECT_NE(any->AwaitWorker(), nullptr) << "who has no such need is not held up";
  EXPECT_FALSE(waiter->has_claim());
  EXPECT_EQ(ReasonOf(waiter->AwaitRefusal()), v1::ERROR_REASON_NO_WORKER);
}

TEST_F(DispatcherTest, TheQueueTimeIsBounded) {
  const auto worker = MakeWorker("w");
  ASSERT_TRUE(registry_.Add(worker).ok());
  auto a = Enqueue(1), b = Enqueue(2);
  ASSERT_EQ(order_.Await(2).size(), 2u);
  WorkerNeed need;
  need.queue_end = absl::Now() + absl::Milliseconds(50);
  auto late = Enqueue(3, 1, need);
  EXPECT_EQ(ReasonOf(late->AwaitRefusal()), v1::ERROR_REASON_QUEUE_TIMEOUT);
  EXPECT_EQ(dispatcher_.queued(), 0);
  EXPECT_EQ(worker->inflight(), 2);
}

TEST_F(DispatcherTest, AFullWorkersPauseEnds) {
  const auto worker = MakeWorker("w", 4);
  ASSERT_TRUE(registry_.Add(worker).ok());
  auto first = Enqueue(1);
  first->End(/*worker_is_full=*/true);
  EXPECT_FALSE(worker->AsCandidate().usable);
  auto second = Enqueue(2);
  EXPECT_NE(second->AwaitWorker(), nullptr) << "nobody reported, and it was tried again";
}

TEST_F(DispatcherTest, DrainingTakesNobodyNewAndLetsTheQueuedThrough) {
  auto queued = Enqueue(1);
  dispatcher_.Drain();
  auto late = Enqueue(2);
  EXPECT_EQ(ReasonOf(status_), v1::ERROR_REASON_DRAINING);
  ASSERT_TRUE(registry_.Add(MakeWorker("w")).ok());
  dispatcher_.Pump();
  EXPECT_EQ(order_.Await(1), (std::vector<int>{1}));
}

}  // namespace
}  // namespace hekla::service
