// Log probabilities of a prompt through the engine: each once and in order, and on real executors those of
// teacher-forced steps, bit by bit, whatever the chunks and whoever else is there.
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/engine/engine_fixture.h"
#include "tests/support/golden_model.h"
#include "worker/engine/make_executor.h"

namespace hekla::engine {
namespace {

using schedule::Request;
using test::Ask;
using test::RecordingSink;

class EnginePromptLogprobsTest : public test::EngineTest {};

TEST_F(EnginePromptLogprobsTest, EachComesOnceThoughSequencesArePreempted) {
  Limits limits = test::SmallLimits();
  limits.kv_blocks = 9;
  Start(limits, 64, 7);
  std::vector<Request> requests;
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (int i = 0; i < 12; ++i) {
    requests.push_back(Ask(i, 5 + 9 * i, 60));
    if (i % 3 != 0) requests[i].sampling.prompt_logprobs = i % 3;
    if (i % 4 == 1) requests[i].resumed_tokens = 4;
    requests[i].stop.ignore_eos = true;
    sinks.push_back(std::make_shared<RecordingSink>(requests[i].resumed_tokens));
    Submit(requests[i], sinks[i]);
  }
  for (int i = 0; i < 12; ++i) {
    SCOPED_TRACE(i);
    const RecordingSink::Record record = sinks[i]->WaitForEnd();
    ExpectAlone(requests[i], record);
    EXPECT_EQ(record.prompt_logprobs,
              test::OutputAlone(requests[i], test::OptionsOf(limits_, {test::kEos})).prompt_logprobs);
    EXPECT_EQ(record.prompt_top_logprobs.size(), record.prompt_logprobs.size());
    for (const auto& top : record.prompt_top_logprobs) EXPECT_EQ(static_cast<int>(top.size()), i % 3);
  }
  EXPECT_GT(engine_->Status().preemptions_total, 0u);
  ExpectCountersReturnToZero();
  EXPECT_TRUE(script_->broken().ok()) << script_->broken();
}

struct Device {
  std::unique_ptr<test::GoldenModel> model;
  std::unique_ptr<Engine> engine;
};

Device MakeDevice(const std::string& name, const std::string& device, int chunk, int samples) {
  Device made;
  made.model = std::make_unique<test::GoldenModel>(name);
  ExecutorOptions room;
  room.max_sequences = 3;
  room.max_context = 128;
  room.max_rows = 64;
  room.max_samples = samples;
  Engine::Options options;
  auto executor = MakeExecutor(made.model->plan, device, room);
  EXPECT_TRUE(executor.ok()) << executor.status();
  options.executor = *std::move(executor);
  options.prefill_chunk = chunk;
  auto engine = Engine::Create(std::move(options));
  EXPECT_TRUE(engine.ok()) << engine.status();
  made.engine = *std::move(engine);
  return made;
}

RecordingSink::Record RunAlone(Engine* engine, const Request& request) {
  auto sink = std::make_shared<RecordingSink>(request.resumed_tokens);
  const absl::StatusOr<uint64_t> submitted = engine->Submit(request, sink);
  EXPECT_TRUE(submitted.ok()) << submitted.status();
  if (!submitted.ok()) return {};
  RecordingSink::Record record = sink->WaitForEnd();
  EXPECT_EQ(record.disorder, "");
  return record;
}

// A request whose drawing has everything that must not touch the prompt's logits.
Request Scored(int prompt_tokens, int count) {
  Request request = Ask(5, prompt_tokens, 6);
  for (schedule::TokenId& token : request.prompt) token %= 60;  // the smallest model knows them all
  request.stop.ignore_eos = true;
  request.sampling.temperature = 0.7f;
  request.sampling.presence_penalty = 1.5f;
  request.sampling.logit_bias = {{7, 5.0f}};
  request.sampling.logprobs = 2;
  request.sampling.prompt_logprobs = count;
  return request;
}

void ExpectSameTop(const std::vector<schedule::TokenLogprob>& a,
                   const std::vector<schedule::TokenLogprob>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].token, b[i].token);
    EXPECT_EQ(a[i].logprob, b[i].logprob);
  }
}

void ExpectSameBits(const RecordingSink::Record& a, const RecordingSink::Record& b) {
  EXPECT_EQ(a.prompt_logprobs, b.prompt_logprobs);
  ASSERT_EQ(a.prompt_top_logprobs.size(), b.prompt_top_logprobs.size());
  for (size_t i = 0; i < a.prompt_top_logprobs.size(); ++i) {
    SCOPED_TRACE(i);
    ExpectSameTop(a.prompt_top_logprobs[i], b.prompt_top_logprobs[i]);
  }
  EXPECT_EQ(a.tokens, b.tokens);
  EXPECT_EQ(a.logprobs, b.logprobs);
}

class PromptLogprobsOnDevice : public testing::TestWithParam<std::string> {};

TEST_P(PromptLogprobsOnDevice, DoNotDependOnChunksOrOnHowManyGoTogether) {
  const Request request = Scored(75, 20);
  const RecordingSink::Record whole =
      RunAlone(MakeDevice("llama-plain", GetParam(), 0, 64).engine.get(), request);
  ASSERT_EQ(whole.prompt_logprobs.size(), 74u);
  for (const int chunk : {1, 7}) {
    SCOPED_TRACE(chunk);
    ExpectSameBits(RunAlone(MakeDevice("llama-plain", GetParam(), chunk, 64).engine.get(), request), whole);
  }
  const Device few = MakeDevice("llama-plain", GetParam(), 0, 3);
  ExpectSameBits(RunAlone(few.engine.get(), request), whole);
  // Beside others that decode and prefill.
  auto beside = std::make_shared<RecordingSink>(), last = std::make_shared<RecordingSink>();
  Request other = Ask(8, 30, 60);
  other.stop.ignore_eos = true;
  ASSERT_TRUE(few.engine->Submit(other, beside).ok());
  beside->WaitForTokens(1);
  ASSERT_TRUE(few.engine->Submit(Scored(60, 3), last).ok());
  ExpectSameBits(RunAlone(few.engine.get(), request), whole);
  beside->WaitForEnd(), last->WaitForEnd();
}

// The prompt prefix by prefix: what each says of the next token.
TEST_P(PromptLogprobsOnDevice, EqualThoseOfTeacherForcedSteps) {
  const Device device = MakeDevice("qwen3", GetParam(), 0, 16);
  const Request request = Scored(40, 20);
  const RecordingSink::Record scored = RunAlone(device.engine.get(), request);
  ASSERT_EQ(scored.prompt_logprobs.size(), 39u);
  int listed = 0;
  for (int i = 1; i < 40; ++i) {
    SCOPED_TRACE(i);
    Request prefix;
    prefix.prompt.assign(request.prompt.begin(), request.prompt.begin() + i);
    prefix.stop.max_tokens = 1;
    prefix.sampling.logprobs = 20;
    const RecordingSink::Record step = RunAlone(device.engine.get(), prefix);
    ExpectSameTop(scored.prompt_top_logprobs[i - 1], step.top_logprobs[0]);
    const float logprob = scored.prompt_logprobs[i - 1];
    const std::vector<schedule::TokenLogprob>& top = step.top_logprobs[0];
    const auto found = std::find_if(top.begin(), top.end(), [&](const schedule::TokenLogprob& each) {
      return each.token == request.prompt[i];
    });
    if (found != top.end()) {
      ++listed;
      EXPECT_EQ(logprob, found->logprob);
    } else {
      EXPECT_LE(logprob, top.back().logprob);
      EXPECT_TRUE(std::isfinite(logprob));
    }
  }
  EXPECT_GT(listed, 3);
}

// What was drawn greedily, fed again as a prompt: the same numbers as when it was decoded.
TEST_P(PromptLogprobsOnDevice, EqualThoseOfTheStepsThatDrewTheTokens) {
  const Device device = MakeDevice("llama-plain", GetParam(), 0, 16);
  Request request = Ask(3, 10, 50);
  request.stop.ignore_eos = true;
  request.sampling.logprobs = 4;
  const RecordingSink::Record drawn = RunAlone(device.engine.get(), request);
  Request again;
  again.prompt = request.prompt;
  again.prompt.insert(again.prompt.end(), drawn.tokens.begin(), drawn.tokens.end());
  again.stop.max_tokens = 1;
  again.sampling.prompt_logprobs = 4;
  const RecordingSink::Record scored = RunAlone(device.engine.get(), again);
  ASSERT_EQ(scored.prompt_logprobs.size(), 59u);
  for (size_t i = 0; i < drawn.tokens.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(scored.prompt_logprobs[9 + i], drawn.logprobs[i]);
    ExpectSameTop(scored.prompt_top_logprobs[9 + i], drawn.top_logprobs[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, PromptLogprobsOnDevice, testing::Values("cpu", "auto"));

TEST(PromptLogprobsOfDevices, AgreeOnEveryModel) {
  for (const std::string& name : test::GoldenModelNames()) {
    SCOPED_TRACE(name);
    const Device processor = MakeDevice(name, "cpu", 0, 16), device = MakeDevice(name, "auto", 0, 16);
    const Request request = Scored(50, 5);
    const RecordingSink::Record cpu = RunAlone(processor.engine.get(), request);
    const RecordingSink::Record vulkan = RunAlone(device.engine.get(), request);
    ASSERT_EQ(cpu.prompt_logprobs.size(), 49u);
    ASSERT_EQ(vulkan.prompt_logprobs.size(), cpu.prompt_logprobs.size());
    for (size_t i = 0; i < cpu.prompt_logprobs.size(); ++i) {
      EXPECT_NEAR(vulkan.prompt_logprobs[i], cpu.prompt_logprobs[i], 2e-3) << "token " << i + 1;
      ASSERT_EQ(vulkan.prompt_top_logprobs[i].size(), 5u);
      EXPECT_NEAR(vulkan.prompt_top_logprobs[i][0].logprob, cpu.prompt_top_logprobs[i][0].logprob, 2e-3);
    }
  }
}

}  // namespace
}  // namespace hekla::engine
