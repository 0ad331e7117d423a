#include "service/router/placement.h"

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "absl/strings/str_cat.h"

namespace hekla::service {
namespace {

std::shared_ptr<Worker> MakeWorker(const std::string& id, uint32_t context = 4096, const std::string& hash = "h") {
  v1::Registration registration;
  registration.set_worker_id(id);
  registration.mutable_model()->set_name("m");
  registration.mutable_model()->set_weights_hash(hash);
  registration.mutable_model()->mutable_limits()->set_max_sequences(4);
  registration.mutable_model()->mutable_limits()->set_max_context(context);
  return std::make_shared<Worker>(registration, false,
                                  grpc::CreateChannel("127.0.0.1:1", grpc::InsecureChannelCredentials()),
                                  [](const v1::RouterCommand&) {});
}

std::shared_ptr<const PrefixKeys> Prompt(const std::string& text, const std::string& scope = "") {
  v1::GenerateRequest request;
  request.set_text(text);
  request.set_cache_scope(scope);
  return std::make_shared<const PrefixKeys>(MakePrefixKeys(request));
}

void Break(Worker& worker) {
  for (int i = 0; i < 5; ++i) worker.RemoveRequest(WorkerVerdict::kFault, worker.AddRequest(0));
}

class PlacementTest : public testing::Test {
 protected:
  // Places over and over: which workers come up.
  std::set<std::string> PlaceOften(const WorkerNeed& need, int times = 50) {
    std::set<std::string> ids;
    const Pool pool(workers_);
    for (int i = 0; i < times; ++i) {
      last_ = pool.Place(need, sessions_, random_());
      ids.insert(last_.worker < 0 ? "none" : pool.worker(last_.worker)->id());
    }
    return ids;
  }
  using Ids = std::set<std::string>;

  std::vector<std::shared_ptr<Worker>> workers_ = {MakeWorker("a"), MakeWorker("b"), MakeWorker("c"),
                                                   MakeWorker("d")};
  SessionTable sessions_;
  Placed last_;
  std::mt19937_64 random_{7};
};

TEST_F(PlacementTest, AnIdlePoolIsUsedAsAWhole) {
  EXPECT_EQ(PlaceOften({}), (Ids{"a", "b", "c", "d"}));
  EXPECT_EQ(last_.branch, RouteBranch::kLeastWait);
}

TEST_F(PlacementTest, APromptGoesWhereItsBeginningWasSeen) {
  WorkerNeed need;
  need.prefix = Prompt(std::string(640, 's') + std::string(200, 'q'));
  workers_[2]->RememberPrompt(*Prompt(std::string(640, 's')));
  EXPECT_EQ(PlaceOften(need), (Ids{"c"}));
  EXPECT_EQ(last_.branch, RouteBranch::kPrefix);
  EXPECT_NEAR(last_.matched_share, 640.0 / 840, 1e-9);
  need.prefix = Prompt(std::string(640, 's'), "another scope");
  EXPECT_EQ(PlaceOften(need).size(), 4u);
}

TEST_F(PlacementTest, ABusyWorkersPrefixIsNotWaitedForWhileOthersAreIdle) {
  WorkerNeed need;
  need.prefix = Prompt(std::string(640, 's'));
  workers_[2]->RememberPrompt(*need.prefix);
  workers_[2]->AddRequest(0);
  EXPECT_EQ(PlaceOften(need), (Ids{"c"})) << "a request more is worth it";
  workers_[2]->AddRequest(20'000);
  EXPECT_EQ(PlaceOften(need).count("c"), 0u) << "twenty seconds of prefill are not";
}

TEST_F(PlacementTest, ASessionStaysWithItsWorker) {
  WorkerNeed need;
  need.session = "t/s";
  const Ids first = PlaceOften(need);
  ASSERT_EQ(first.size(), 1u) << "the same choice each time";
  EXPECT_EQ(last_.branch, RouteBranch::kSession);
  sessions_.Set("t/s", workers_[3]);
  EXPECT_EQ(PlaceOften(need), (Ids{"d"}));
}

TEST_F(PlacementTest, AnOverloadedFirstChoiceLeavesASessionToTheSecond) {
  WorkerNeed need;
  need.session = "t/s";
  const std::string first = *PlaceOften(need).begin();
  for (const auto& worker : workers_) {
    if (worker->id() == first) worker->AddRequest(20'000);
  }
  const Ids second = PlaceOften(need);
  ASSERT_EQ(second.size(), 1u) << "there are two candidates, not four";
  EXPECT_NE(*second.begin(), first);
}

TEST_F(PlacementTest, ARequiredSessionIsLostWithItsWorker) {
  WorkerNeed need;
  need.session = "t/s";
  need.session_required = true;
  sessions_.Set("t/s", workers_[1]);
  for (int i = 0; i < 5; ++i) workers_[1]->AddRequest(0);
  EXPECT_EQ(PlaceOften(need), (Ids{"none"}));
  EXPECT_FALSE(last_.session_lost) << "full: it waits";
  need.session_required = false;
  EXPECT_EQ(PlaceOften(need).count("b"), 0u) << "who only prefers goes elsewhere";
  need.session_required = true;
  workers_[1]->Lose(/*died=*/true);
  EXPECT_EQ(PlaceOften(need), (Ids{"none"}));
  EXPECT_TRUE(last_.session_lost);
}

TEST_F(PlacementTest, BrokenWorkersAreAvoidedUntilMoreThanHalfAreBroken) {
  Break(*workers_[0]);
  Break(*workers_[1]);
  EXPECT_EQ(PlaceOften({}), (Ids{"c", "d"})) << "half is not more than half";
  Break(*workers_[2]);
  EXPECT_EQ(PlaceOften({}), (Ids{"a", "b", "c", "d"}));
  workers_[3]->AddRequest(100'000);
  PlaceOften({});
  EXPECT_EQ(last_.branch, RouteBranch::kPanic);
  workers_[0]->Lose(true);
  EXPECT_EQ(PlaceOften({}).count("a"), 0u) << "a lost lease is never ignored";
}

TEST_F(PlacementTest, OnlyWorkersThatHoldTheContextAndHaveTheWeights) {
  workers_.push_back(MakeWorker("large", 100'000));
  workers_.push_back(MakeWorker("other", 100'000, "other weights"));
  WorkerNeed need;
  need.min_context = 4097;
  EXPECT_EQ(PlaceOften(need), (Ids{"large", "other"}));
  need.weights_hash = "h";
  EXPECT_EQ(PlaceOften(need), (Ids{"large"}));
  need.tried = {workers_[4]};
  EXPECT_EQ(PlaceOften(need), (Ids{"large"})) << "tried before, and there is no other";
}

TEST_F(PlacementTest, TheStartIsEstimatedOnlyFromWhatIsKnown) {
  const Pool unknown(workers_);
  EXPECT_FALSE(unknown.StartSeconds({}, 0).has_value());
  v1::Load load;
  load.set_step_seconds(0.1);
  load.set_prefill_tokens_per_second(1000);
  for (const auto& worker : workers_) {
    worker->Report(load);
    worker->OutputFinished(40);
  }
  const Pool idle(workers_);
  EXPECT_LT(idle.StartSeconds({}, 0).value(), 0.1);
  for (const auto& worker : workers_) {
    for (int i = 0; i < 4; ++i) worker->AddRequest(0);
  }
  const Pool full(workers_);
  EXPECT_NEAR(full.StartSeconds({}, 0).value(), 1.1, 0.2) << "40 steps of 0.1 s, shared by four";
  EXPECT_NEAR(full.StartSeconds({}, 40).value(), 11, 2) << "ten a worker before it";
}

}  // namespace
}  // namespace hekla::service
