// Samples of one prompt share its KV memory; what they say is what each says alone, bit by bit, on real
// executors.
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "tests/support/engine/engine_fixture.h"
#include "tests/support/golden_model.h"
#include "worker/engine/make_executor.h"

namespace hekla::engine {
namespace {

using schedule::Request;
using test::Ask;
using test::RecordingSink;

class EngineSharingTest : public test::EngineTest {};

TEST_F(EngineSharingTest, OneComputesThePromptAndAllGiveTheirOwnOutput) {
  Start();
  std::vector<Request> requests;
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (int i = 0; i < 5; ++i) {
    Request request = Ask(1, 70, 40);
    request.group = 3;
    request.sampling.sample_index = i;
    request.stop.ignore_eos = true;
    requests.push_back(request);
    sinks.push_back(std::make_shared<RecordingSink>());
  }
  script_->Hold();
  for (int i = 0; i < 5; ++i) Submit(requests[i], sinks[i]);
  script_->ReleaseAll();
  for (int i = 0; i < 5; ++i) {
    const RecordingSink::Record record = sinks[i]->WaitForEnd();
    ExpectAlone(requests[i], record);
    EXPECT_EQ(record.last.cached_tokens, i == 0 ? 0 : 64);
  }
  ExpectCountersReturnToZero();
  const EngineStatus status = engine_->Status();
  EXPECT_EQ(status.prefill_tokens_total, 70u + 4 * 6);
  EXPECT_EQ(status.prompt_tokens_total, 5 * 70u);
  EXPECT_EQ(status.shared_tokens_total, 4 * 64u);
  EXPECT_TRUE(script_->broken().ok()) << script_->broken();
}

class EngineSharingOnDevice : public testing::TestWithParam<std::string> {};

TEST_P(EngineSharingOnDevice, EqualsSingleRequestsBitByBit) {
  const test::GoldenModel model("llama-plain");
  ExecutorOptions room;
  room.max_sequences = 4;
  room.max_context = 256;
  room.max_rows = 64;
  room.max_samples = 4;
  Engine::Options options;
  auto executor = MakeExecutor(model.plan, GetParam(), room);
  ASSERT_TRUE(executor.ok()) << executor.status();
  options.executor = *std::move(executor);
  auto engine = Engine::Create(std::move(options));
  ASSERT_TRUE(engine.ok()) << engine.status();
  for (float penalty : {0.0f, 0.5f}) {
    SCOPED_TRACE(penalty);
    std::vector<RecordingSink::Record> together, alone;
    for (bool group : {true, false}) {
      std::vector<std::shared_ptr<RecordingSink>> sinks;
      // The first one must not end before the last one comes.
      const auto all_there = std::make_shared<absl::Notification>();
      for (int i = 0; i < 4; ++i) {
        Request request = Ask(5, 75, 30);
        request.group = group ? 1 : 0;
        request.sampling.temperature = 1;
        request.sampling.sample_index = i;
        request.sampling.presence_penalty = penalty;
        request.sampling.penalty_last_n = 16;
        request.sampling.logprobs = 0;
        sinks.push_back(std::make_shared<RecordingSink>());
        if (group) sinks.back()->on_event = [all_there](int) { all_there->WaitForNotification(); };
        ASSERT_TRUE((*engine)->Submit(request, sinks.back()).ok());
        if (!group) sinks.back()->WaitForEnd();
      }
      all_there->Notify();
      for (const auto& sink : sinks) (group ? together : alone).push_back(sink->WaitForEnd());
    }
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(together[i].tokens, alone[i].tokens) << "sample " << i;
      EXPECT_EQ(together[i].logprobs, alone[i].logprobs) << "sample " << i;
    }
    EXPECT_NE(together[0].tokens, together[1].tokens);
  }
  // Up to the window of the penalties: 59 tokens, so one block.
  EXPECT_EQ((*engine)->Status().shared_tokens_total, 3u * 64 + 3u * 32);
}

INSTANTIATE_TEST_SUITE_P(Devices, EngineSharingOnDevice, testing::Values("cpu", "auto"));

}  // namespace
}  // namespace hekla::engine
