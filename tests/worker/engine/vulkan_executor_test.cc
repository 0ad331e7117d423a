// The Vulkan executor on the device that `auto` finds (Mesa's lavapipe in CI): against golden float64 logits, against the CPU executor,
// and against itself in other batches, chunks and orders, where every bit must agree.
#include "worker/engine/vulkan_executor.h"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/golden_model.h"
#include "worker/cpu/sampler.h"
#include "worker/engine/make_executor.h"

namespace hekla::engine {
namespace {

using schedule::Batch;
using schedule::BatchResult;
using schedule::kBlockTokens;
using schedule::SamplingParams;
using schedule::TokenId;
using test::GoldenModel;

constexpr int kContext = 640, kSlots = 6;

ExecutorOptions Room() {
  ExecutorOptions options;
  options.max_sequences = kSlots;
  options.max_context = kContext;
  options.max_rows = 128;
  options.max_samples = 64;
  return options;
}

std::unique_ptr<Executor> Make(const model::Plan& plan, const std::string& device) {
  auto executor = MakeExecutor(plan, device, Room());
  EXPECT_TRUE(executor.ok()) << executor.status();
  return *std::move(executor);
}

// Feeds sequences to an executor and keeps what comes back.
class Driver {
 public:
  explicit Driver(Executor* executor) : executor_(executor), blocks_(kSlots, 0) {}

  void Assign(int slot, const SamplingParams& sampling = {}) {
    batch_.slots.push_back({slot, sampling, {}, 0});
    blocks_[slot] = 0;
  }
  void AddRow(int slot, int position, TokenId token, bool sampled) {
    while (blocks_[slot] <= position / kBlockTokens) {
      // Blocks of neighbours interleave, so a wrong block table shows.
      batch_.blocks.push_back({slot, blocks_[slot], blocks_[slot] * kSlots + slot});
      ++blocks_[slot];
    }
    if (sampled) batch_.samples.push_back({static_cast<int>(batch_.rows.size()), slot});
    batch_.rows.push_back({slot, position, token});
  }
  void Submit(bool logits) {
    batch_.step = ++step_;
    batch_.return_logits = logits;
    const absl::Status status = executor_->Submit(batch_);
    ASSERT_TRUE(status.ok()) << status;
    batch_.Clear();
  }
  BatchResult Await() {
    BatchResult result;
    const absl::Status status = executor_->Await(&result);
    EXPECT_TRUE(status.ok()) << status;
    return result;
  }
  BatchResult Step() {
    Submit(true);
    return Await();
  }
  // Logits of every position of `tokens` in chunks of `chunk`, in slot `slot`.
  std::vector<float> Logits(int slot, const std::vector<int>& tokens, int chunk) {
    Assign(slot);
    std::vector<float> all;
    for (int first = 0; first < static_cast<int>(tokens.size()); first += chunk) {
      for (int i = first; i < std::min<int>(tokens.size(), first + chunk); ++i) AddRow(slot, i, tokens[i], true);
      const BatchResult result = Step();
      all.insert(all.end(), result.logits.begin(), result.logits.end());
    }
    return all;
  }

 private:
  Executor* executor_;
  Batch batch_;
  std::vector<int> blocks_;
  uint64_t step_ = 0;
};

std::vector<int> RandomTokens(int count, int vocabulary, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int> tokens(count);
  for (int& token : tokens) token = static_cast<int>(random() % vocabulary);
  return tokens;
}

class VulkanExecutorModels : public testing::TestWithParam<std::string> {};

TEST_P(VulkanExecutorModels, GoldenLogitsWhateverTheChunk) {
  const GoldenModel model(GetParam());
  const auto executor = Make(model.plan, "auto");
  const std::vector<int> tokens = test::GoldenTokens();
  Driver driver(executor.get());
  const std::vector<float> whole = driver.Logits(0, tokens, static_cast<int>(tokens.size()));
  EXPECT_LT(test::RelativeError(whole, test::GoldenLogits(GetParam())), 1e-3);
  for (const int chunk : {1, 3, 5, 16}) {
    EXPECT_EQ(whole, driver.Logits(chunk % kSlots, tokens, chunk)) << "chunk " << chunk;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, VulkanExecutorModels, testing::ValuesIn(test::GoldenModelNames()),
                         [](const testing::TestParamInfo<std::string>& model) {
                           std::string name = model.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

class VulkanExecutorTest : public testing::Test {
 protected:
  VulkanExecutorTest() : model_("llama-plain"), executor_(Make(model_.plan, "auto")), driver_(executor_.get()) {}
  int vocabulary() const { return model_.plan.config.vocabulary; }

  GoldenModel model_;
  std::unique_ptr<Executor> executor_;
  Driver driver_;
};

TEST_F(VulkanExecutorTest, LongContextAgreesWithTheProcessorAndWithEveryGrid) {
  // 600 positions are three splits; 100 rows a step take the grid without splits, 20 the one with.
  const std::vector<int> tokens = RandomTokens(600, vocabulary(), 11);
  auto last = [&](Executor* executor, int chunk) {
    Driver driver(executor);
    driver.Assign(2);
    std::vector<float> logits;
    for (int first = 0; first < 600; first += chunk) {
      for (int i = first; i < first + chunk; ++i) driver.AddRow(2, i, tokens[i], i == 599 || i == 280);
      const BatchResult result = driver.Step();
      logits.insert(logits.end(), result.logits.begin(), result.logits.end());
    }
    return logits;
  };
  const std::vector<float> split = last(executor_.get(), 20);
  EXPECT_EQ(split, last(executor_.get(), 100));
  EXPECT_LT(test::RelativeError(split, last(Make(model_.plan, "cpu").get(), 100)), 1e-3);
}

TEST_F(VulkanExecutorTest, ASequenceDoesNotSeeItsNeighbours) {
  const std::vector<int> tokens = RandomTokens(40, vocabulary(), 5);
  const std::vector<float> alone = driver_.Logits(1, tokens, 40);
  // The same sequence a token at a time, between others that are prefilled in chunks of 7.
  std::vector<float> mixed;
  for (int slot = 0; slot < 4; ++slot) driver_.Assign(slot);
  for (int i = 0; i < 40; ++i) {
    for (const int slot : {0, 2}) {
      for (int k = 0; k < 7; ++k) driver_.AddRow(slot, 7 * i + k, (i * 31 + slot * 7 + k) % vocabulary(), false);
    }
    driver_.AddRow(1, i, tokens[i], true);
    driver_.AddRow(3, i, (i * 13) % vocabulary(), true);
    const BatchResult result = driver_.Step();
    mixed.insert(mixed.end(), result.logits.begin(), result.logits.begin() + vocabulary());
  }
  EXPECT_EQ(alone, mixed);
}

TEST_F(VulkanExecutorTest, StepsQueuedAheadFeedThemselves) {
  const std::vector<int> prompt = RandomTokens(9, vocabulary(), 3);
  SamplingParams sampling;
  sampling.temperature = 0.9f;
  sampling.seed = 42;
  auto generate = [&](int slot, int ahead) {
    driver_.Assign(slot, sampling);
    for (int i = 0; i < 9; ++i) driver_.AddRow(slot, i, prompt[i], i == 8);
    driver_.Submit(false);
    std::vector<TokenId> ids;
    int in_flight = 1;
    for (int i = 9; i < 49; ++i) {
      while (in_flight > ahead) ids.push_back(driver_.Await().samples[0].token), --in_flight;
      driver_.AddRow(slot, i, schedule::kFromDevice, true);
      driver_.Submit(false);
      ++in_flight;
    }
    while (in_flight-- > 0) ids.push_back(driver_.Await().samples[0].token);
    return ids;
  };
  const std::vector<TokenId> one_by_one = generate(0, 0);
  EXPECT_EQ(one_by_one.size(), 41u);
  EXPECT_EQ(one_by_one, generate(5, kMaxInFlight - 1));
}

TEST_F(VulkanExecutorTest, SamplesAsTheProcessorDoes) {
  const uint32_t seed = 1234;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  auto chance = [&](double p) { return std::uniform_real_distribution<double>()(random) < p; };
  auto between = [&](float low, float high) { return std::uniform_real_distribution<float>(low, high)(random); };
  int drawn = 0, differing = 0;
  for (int round = 0; round < 60; ++round) {
    SamplingParams s;
    s.temperature = chance(0.2) ? 0 : between(0.3f, 2.0f);
    if (chance(0.5)) s.top_k = 1 + static_cast<int>(random() % vocabulary());
    if (chance(0.5)) s.top_p = between(0.1f, 1.0f);
    if (chance(0.3)) s.min_p = between(0.01f, 0.5f);
    if (chance(0.4)) s.repetition_penalty = between(0.8f, 1.5f);
    if (chance(0.3)) s.presence_penalty = between(-1.0f, 1.0f);
    if (chance(0.3)) s.frequency_penalty = between(-0.5f, 0.5f);
    s.penalty_last_n = static_cast<int>(random() % 12);
    if (chance(0.4)) s.logit_bias = {{static_cast<TokenId>(random() % vocabulary()), between(-5, 5)}};
    s.seed = random();
    s.sample_index = random() % 3;
    s.logprobs = static_cast<int>(random() % 7) - 1;
    std::vector<int> tokens = RandomTokens(10, vocabulary(), random());
    tokens[8] = tokens[9] = tokens[2];   // repeats in the window
    driver_.Assign(4, s);
    for (int i = 0; i < 10; ++i) driver_.AddRow(4, i, tokens[i], i == 9);
    const BatchResult result = driver_.Step();
    const schedule::SampleResult expected = cpu::SampleToken(result.logits, std::vector<TokenId>(tokens.begin(), tokens.end()), s, {}, 10);
    const schedule::SampleResult& got = result.samples[0];
    ++drawn;
    if (got.token != expected.token) {
      ++differing;   // a draw within rounding of a border may differ
      continue;
    }
    if (s.logprobs < 0) continue;
    EXPECT_NEAR(got.logprob, expected.logprob, 1e-3) << "round " << round;
    ASSERT_EQ(got.top.size(), expected.top.size()) << "round " << round;
    for (size_t i = 0; i < got.top.size(); ++i) {
      EXPECT_EQ(got.top[i].token, expected.top[i].token) << "round " << round << " place " << i;
      EXPECT_NEAR(got.top[i].logprob, expected.top[i].logprob, 1e-3);
    }
  }
  EXPECT_LE(differing, 1) << "of " << drawn;
}

TEST_F(VulkanExecutorTest, SuppressedTokensComeOnlyAfterTheirPosition) {
  const std::vector<int> tokens = RandomTokens(6, vocabulary(), 8);
  driver_.Assign(0);
  for (int i = 0; i < 6; ++i) driver_.AddRow(0, i, tokens[i], i == 5);
  const TokenId favourite = driver_.Step().samples[0].token;
  for (const auto& [until, allowed] : {std::pair{7, false}, std::pair{6, true}}) {
    Batch batch;
    batch.step = 1000 + until;
    batch.slots.push_back({0, {}, {favourite}, until});
    for (int i = 0; i < 6; ++i) batch.rows.push_back({0, i, tokens[i]});
    batch.samples.push_back({5, 0});
    ASSERT_TRUE(executor_->Submit(batch).ok());
    EXPECT_EQ(driver_.Await().samples[0].token == favourite, allowed) << "until " << until;
  }
}

TEST_F(VulkanExecutorTest, RefusesWhatIsBeyondItsLimits) {
  Batch batch;
  EXPECT_THAT(std::string(executor_->Submit(batch).message()), testing::HasSubstr("no rows"));
  batch.rows = {{0, 0, vocabulary()}};
  EXPECT_THAT(std::string(executor_->Submit(batch).message()), testing::HasSubstr("row token"));
  batch.rows = {{kSlots, 0, 1}};
  EXPECT_THAT(std::string(executor_->Submit(batch).message()), testing::HasSubstr("row slot"));
  batch.rows = {{0, kContext, 1}};
  EXPECT_THAT(std::string(executor_->Submit(batch).message()), testing::HasSubstr("row position"));
  batch.rows = {{0, 0, 1}};
  batch.blocks = {{0, 0, executor_->limits().kv_blocks}};
  EXPECT_EQ(executor_->Submit(batch).code(), absl::StatusCode::kInvalidArgument);
  batch.blocks.clear();
  for (int i = 0; i < kMaxInFlight; ++i) ASSERT_TRUE(executor_->Submit(batch).ok());
  EXPECT_EQ(executor_->Submit(batch).code(), absl::StatusCode::kFailedPrecondition);
  for (int i = 0; i < kMaxInFlight; ++i) driver_.Await();
  BatchResult result;
  EXPECT_EQ(executor_->Await(&result).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(VulkanLaunches, ADenseLayerIsAtMostSixDependentLaunches) {
  for (const std::string& name : test::GoldenModelNames()) {
    const GoldenModel model(name);
    auto executor = VulkanExecutor::Create(model.plan, -1, Room());
    ASSERT_TRUE(executor.ok()) << executor.status();
    const auto counts = (*executor)->LaunchesAndBarriers(1, 100, 1);
    ASSERT_TRUE(counts.ok()) << counts.status();
    // begin_step, embed, head and sample stand outside the layers.
    EXPECT_LE(counts->second + 1, 4 + 6 * model.plan.config.layers) << name;
    EXPECT_LE((*executor)->LaunchesAndBarriers(1, 600, 1)->second, counts->second) << "a longer context adds no launch";
  }
}

}  // namespace
}  // namespace hekla::engine
