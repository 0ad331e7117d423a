#include "service/router/worker_registry.h"

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include "service/runtime/status.h"

namespace hekla::service {
namespace {

std::shared_ptr<Worker> Make(const std::string& id, const std::string& model = "m", uint64_t incarnation = 1,
                             uint32_t sequences = 8) {
  v1::Registration registration;
  registration.set_worker_id(id);
  registration.set_incarnation(incarnation);
  registration.mutable_model()->set_name(model);
  registration.mutable_model()->set_weights_hash("hash-" + model);
  registration.mutable_model()->mutable_limits()->set_max_sequences(sequences);
  return std::make_shared<Worker>(registration, false,
                                  grpc::CreateChannel("127.0.0.1:1", grpc::InsecureChannelCredentials()),
                                  [](const v1::RouterCommand&) {});
}

class WorkerRegistryTest : public testing::Test {
 protected:
  int changes_ = 0;
  WorkerRegistry registry_{[this] { ++changes_; }};
};

TEST_F(WorkerRegistryTest, ComingAndGoing) {
  const auto worker = Make("w");
  ASSERT_TRUE(registry_.Add(worker).ok());
  EXPECT_EQ(changes_, 1);
  EXPECT_TRUE(registry_.HasWorker("m"));
  EXPECT_TRUE(registry_.HasWorker("", "hash-m"));
  EXPECT_FALSE(registry_.HasWorker("m", "another"));
  EXPECT_EQ(*registry_.Find("w"), worker);
  int told = 0;
  EXPECT_NE(worker->OnLoss([&](WorkerLoss) { ++told; }), 0u);
  const uint64_t forgotten = worker->OnLoss([&](WorkerLoss) { told += 100; });
  worker->ForgetLoss(forgotten);
  registry_.Remove(worker, "lease");
  registry_.Remove(worker, "lease");
  EXPECT_EQ(told, 1);
  EXPECT_EQ(worker->OnLoss([&](WorkerLoss) { ++told; }), 0u) << "too late to be told";
  EXPECT_EQ(registry_.lost_total().at("lease"), 1);
  EXPECT_EQ(ReasonOf(registry_.Find("w").status()), v1::ERROR_REASON_UNKNOWN_WORKER);
  EXPECT_FALSE(registry_.HasWorker("m"));
  EXPECT_TRUE(registry_.IsKnownModel("m")) << "a model is not forgotten with its last worker";
}

TEST_F(WorkerRegistryTest, AnEarlierIncarnationGivesWay) {
  const auto first = Make("w", "m", 5);
  ASSERT_TRUE(registry_.Add(first).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(registry_.Add(Make("w", "m", 5))));
  EXPECT_TRUE(absl::IsAlreadyExists(registry_.Add(Make("w", "m", 4))));
  const auto second = Make("w", "m", 6);
  EXPECT_TRUE(registry_.Add(second).ok());
  EXPECT_TRUE(first->lost());
  registry_.Remove(first, "lease");  // its stream ends later
  EXPECT_EQ(*registry_.Find("w"), second);
}

TEST_F(WorkerRegistryTest, ResolvesModels) {
  EXPECT_EQ(*registry_.ResolveModel("anything"), "anything") << "no worker has come yet";
  ASSERT_TRUE(registry_.Add(Make("a", "x")).ok());
  EXPECT_EQ(*registry_.ResolveModel(""), "x");
  EXPECT_EQ(ReasonOf(registry_.ResolveModel("anything").status()), v1::ERROR_REASON_UNKNOWN_MODEL);
  ASSERT_TRUE(registry_.Add(Make("b", "y")).ok());
  EXPECT_EQ(*registry_.ResolveModel("y"), "y");
  EXPECT_TRUE(absl::IsInvalidArgument(registry_.ResolveModel("").status()));
}

TEST_F(WorkerRegistryTest, ModelsAreTheSumOfTheirWorkers) {
  ASSERT_TRUE(registry_.Add(Make("a", "x", 1, 4)).ok());
  ASSERT_TRUE(registry_.Add(Make("b", "x", 1, 16)).ok());
  const std::vector<v1::Model> models = registry_.Models();
  ASSERT_EQ(models.size(), 1u);
  EXPECT_EQ(models[0].workers(), 2u);
  EXPECT_EQ(models[0].limits().max_sequences(), 16u);
  v1::Model model;
  EXPECT_TRUE(registry_.FindModel("", &model).ok());
  registry_.Remove(*registry_.Find("a"), "lease");
  registry_.Remove(*registry_.Find("b"), "lease");
  EXPECT_EQ(ReasonOf(registry_.FindModel("x", &model)), v1::ERROR_REASON_NO_WORKER);
}

TEST_F(WorkerRegistryTest, ACandidateCountsThisRoutersRequestsAndThoseOfOthers) {
  const auto worker = Make("w");
  EXPECT_EQ(worker->AsCandidate().capacity, 10);
  worker->AddRequest(300);
  v1::Load load;
  load.set_running(4);
  load.set_queued_uncached_tokens(100);
  load.set_step_seconds(0.5);
  worker->Report(load);
  Candidate candidate = worker->AsCandidate();
  EXPECT_EQ(candidate.inflight, 4) << "one of the four is ours";
  EXPECT_EQ(candidate.queued_tokens, 300);
  EXPECT_EQ(candidate.step_seconds, 0.5);
  worker->PromptComputed(300);
  worker->RemoveRequest(WorkerVerdict::kNone, /*was_probe=*/false);
  candidate = worker->AsCandidate();
  EXPECT_EQ(candidate.inflight, 3);
  EXPECT_EQ(candidate.queued_tokens, 100);
  worker->MarkFull();
  EXPECT_FALSE(worker->AsCandidate().usable);
  worker->Report(load);
  EXPECT_TRUE(worker->AsCandidate().usable) << "a report says more than an old refusal";
  load.set_draining(true);
  worker->Report(load);
  EXPECT_FALSE(worker->AsCandidate().usable);
  EXPECT_EQ(worker->State().state(), v1::WorkerState::DRAINING);
}

}  // namespace
}  // namespace hekla::service
