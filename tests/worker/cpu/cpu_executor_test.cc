#include "worker/cpu/cpu_executor.h"

#include <algorithm>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/golden_model.h"
#include "worker/cpu/sampler.h"

namespace hekla::cpu {
namespace {

using schedule::Batch;
using schedule::BatchResult;
using schedule::kBlockTokens;
using schedule::kFromDevice;
using schedule::TokenId;
using test::GoldenModel;
using testing::HasSubstr;

CpuOptions Options(bool kv_float32 = false) {
  CpuOptions options;
  options.max_sequences = 4;
  options.max_context = 64;
  options.max_rows = 64;
  options.max_samples = 64;
  options.kv_float32 = kv_float32;
  options.threads = 2;
  return options;
}

std::unique_ptr<CpuExecutor> Make(const model::Plan& plan, const CpuOptions& options) {
  auto executor = CpuExecutor::Create(plan, options);
  EXPECT_TRUE(executor.ok()) << executor.status();
  return *std::move(executor);
}

// Gives `slot` blocks for all of max_context: blocks slot, slot + 4, ... so that neighbours interleave.
void Assign(int slot, const schedule::SamplingParams& sampling, Batch* batch) {
  batch->slots.push_back({slot, sampling, {}, 0});
  for (int index = 0; index < 2; ++index) batch->blocks.push_back({slot, index, slot + 4 * index});
}

// Rows of tokens [first, first + count) of `tokens`, all sampled.
void AddRows(int slot, const std::vector<int>& tokens, int first, int count, Batch* batch) {
  for (int i = first; i < first + count; ++i) {
    batch->samples.push_back({static_cast<int>(batch->rows.size()), slot});
    batch->rows.push_back({slot, i, tokens[i]});
  }
}

BatchResult RunStep(CpuExecutor* executor, Batch batch) {
  static uint64_t step = 0;
  batch.step = ++step;
  batch.return_logits = true;
  BatchResult result;
  const absl::Status status = executor->Run(batch, &result);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(result.step, batch.step);
  return result;
}

// Logits [tokens][V], fed in chunks of the given size.
std::vector<float> Evaluate(CpuExecutor* executor, const std::vector<int>& tokens, int chunk) {
  std::vector<float> logits;
  for (int first = 0; first < int(tokens.size()); first += chunk) {
    Batch batch;
    if (first == 0) Assign(0, {}, &batch);
    AddRows(0, tokens, first, std::min<int>(chunk, tokens.size() - first), &batch);
    const std::vector<float> part = RunStep(executor, batch).logits;
    logits.insert(logits.end(), part.begin(), part.end());
  }
  return logits;
}

class GoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(GoldenTest, Float32CacheAgreesWithFloat64) {
  const GoldenModel golden(GetParam());
  const std::vector<float> logits =
      Evaluate(Make(golden.plan, Options(true)).get(), test::GoldenTokens(), 40);
  const std::vector<float> expected = test::GoldenLogits(GetParam());
  ASSERT_EQ(logits.size(), expected.size());
  EXPECT_LT(test::RelativeError(logits, expected), 1e-5);
}

TEST_P(GoldenTest, HalfCacheAgreesWithFloat64) {
  const GoldenModel golden(GetParam());
  const std::vector<float> logits = Evaluate(Make(golden.plan, Options()).get(), test::GoldenTokens(), 40);
  const std::vector<float> expected = test::GoldenLogits(GetParam());
  ASSERT_EQ(logits.size(), expected.size());
  EXPECT_LT(test::RelativeError(logits, expected), 1e-3);
}

TEST_P(GoldenTest, ChunkingChangesNoBit) {
  const GoldenModel golden(GetParam());
  const std::vector<int> tokens = test::GoldenTokens();
  const std::vector<float> whole = Evaluate(Make(golden.plan, Options()).get(), tokens, 40);
  for (int chunk : {1, 7, 32}) {
    EXPECT_EQ(Evaluate(Make(golden.plan, Options()).get(), tokens, chunk), whole) << "chunk " << chunk;
  }
}

TEST_P(GoldenTest, OtherSequencesInTheBatchChangeNoBit) {
  const GoldenModel golden(GetParam());
  const std::vector<int> tokens = test::GoldenTokens();
  const int vocabulary = golden.plan.config.vocabulary;
  const std::vector<float> alone = Evaluate(Make(golden.plan, Options()).get(), tokens, 40);

  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const auto executor = Make(golden.plan, Options());
  std::vector<int> done(3, 0);
  std::vector<std::vector<float>> logits(3);
  bool first = true;
  while (std::any_of(done.begin(), done.end(), [](int n) { return n < 40; })) {
    Batch batch;
    for (int slot = 0; first && slot < 3; ++slot) Assign(slot, {}, &batch);
    std::vector<int> order;
    for (int slot : {2, 0, 1}) {
      const int count = std::min<int>(40 - done[slot], random() % 9);
      AddRows(slot, tokens, done[slot], count, &batch);
      done[slot] += count;
      order.insert(order.end(), count, slot);
    }
    if (batch.rows.empty()) continue;
    first = false;
    const std::vector<float> part = RunStep(executor.get(), batch).logits;
    for (size_t i = 0; i < order.size(); ++i) {
      logits[order[i]].insert(logits[order[i]].end(), part.begin() + i * vocabulary,
                              part.begin() + (i + 1) * vocabulary);
    }
  }
  for (int slot = 0; slot < 3; ++slot) EXPECT_EQ(logits[slot], alone) << "slot " << slot;
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenTest, testing::ValuesIn(test::GoldenModelNames()),
                         [](const auto& named) {
                           std::string name = named.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Decoding that feeds itself equals decoding with the ids given by the host.
TEST(CpuExecutorTest, DecodeFeedsItself) {
  const GoldenModel golden("qwen3");
  const std::vector<int> prompt = {3, 1, 4, 1, 5};
  schedule::SamplingParams sampling;
  sampling.temperature = 0.8f;
  sampling.repetition_penalty = 1.3f;
  sampling.seed = 42;
  std::vector<TokenId> results[2];
  for (int given = 0; given < 2; ++given) {
    const auto executor = Make(golden.plan, Options());
    Batch batch;
    Assign(1, sampling, &batch);
    for (int i = 0; i < 5; ++i) batch.rows.push_back({1, i, prompt[i]});
    batch.samples.push_back({4, 1});
    for (int position = 5; position < 50; ++position) {
      const BatchResult result = RunStep(executor.get(), batch);
      results[given].push_back(result.samples[0].token);
      batch.Clear();
      batch.rows.push_back({1, position, given ? result.samples[0].token : kFromDevice});
      batch.samples.push_back({0, 1});
    }
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_GT(std::set<TokenId>(results[0].begin(), results[0].end()).size(), 5u);
}

TEST(CpuExecutorTest, SuppressedTokensWaitForTheirPosition) {
  const GoldenModel golden("llama-plain");
  const auto executor = Make(golden.plan, Options());
  Batch batch;
  Assign(0, {}, &batch);
  batch.rows.push_back({0, 0, 7});
  batch.samples.push_back({0, 0});
  const TokenId likeliest = RunStep(executor.get(), batch).samples[0].token;
  batch.slots[0].suppressed_tokens = {likeliest};
  batch.slots[0].suppress_until = 2;
  EXPECT_NE(RunStep(executor.get(), batch).samples[0].token, likeliest);
  batch.slots[0].suppress_until = 1;
  EXPECT_EQ(RunStep(executor.get(), batch).samples[0].token, likeliest);
}

TEST(CpuExecutorTest, AKnownTokenIsScoredAndNotWritten) {
  const GoldenModel golden("llama-plain");
  const auto executor = Make(golden.plan, Options());
  schedule::SamplingParams sampling;
  sampling.prompt_logprobs = 3;
  sampling.logit_bias = {{11, 50.0f}};
  Batch batch;
  Assign(0, sampling, &batch);
  batch.rows = {{0, 0, 7}, {0, 1, 9}};
  batch.samples = {{0, 0, 9}, {1, 0, 30}};
  const BatchResult result = RunStep(executor.get(), batch);
  const size_t vocabulary = golden.plan.config.vocabulary;
  ASSERT_EQ(result.samples.size(), 2u);
  for (int i = 0; i < 2; ++i) {
    const absl::Span<const float> logits =
        absl::MakeConstSpan(result.logits).subspan(i * vocabulary, vocabulary);
    const schedule::SampleResult expected = ScoreToken(logits, batch.samples[i].token, 3);
    EXPECT_EQ(result.samples[i].token, batch.samples[i].token);
    EXPECT_EQ(result.samples[i].logprob, expected.logprob);
    ASSERT_EQ(result.samples[i].top.size(), 3u);
    EXPECT_EQ(result.samples[i].top[0].token, expected.top[0].token);
  }
  Batch next;
  next.rows.push_back({0, 2, kFromDevice});
  BatchResult nothing;
  EXPECT_THAT(std::string(executor->Run(next, &nothing).message()),
              HasSubstr("no token is known at position 2"));
}

class RefusalTest : public testing::Test {
 protected:
  RefusalTest() : golden_("llama-plain"), executor_(Make(golden_.plan, Options())) {
    Assign(0, {}, &batch_);
    batch_.rows.push_back({0, 0, 5});
    batch_.samples.push_back({0, 0});
  }
  void ExpectRefused(const std::string& text) {
    BatchResult result;
    const absl::Status status = executor_->Run(batch_, &result);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
  }
  GoldenModel golden_;
  std::unique_ptr<CpuExecutor> executor_;
  Batch batch_;
};

TEST_F(RefusalTest, TokenOutsideTheVocabulary) {
  batch_.rows[0].token = 97;
  ExpectRefused("token of a row is 97, allowed is -1..96");
}
TEST_F(RefusalTest, Slot) {
  batch_.rows[0].slot = 4;
  ExpectRefused("slot of a row is 4");
}
TEST_F(RefusalTest, Position) {
  batch_.rows[0].position = 64;
  ExpectRefused("position of a row is 64");
}
TEST_F(RefusalTest, NoRows) {
  batch_.rows.clear();
  ExpectRefused("number of rows is 0");
}
TEST_F(RefusalTest, TooManyRows) {
  batch_.rows.resize(65, batch_.rows[0]);
  ExpectRefused("number of rows is 65");
}
TEST_F(RefusalTest, BlockNumber) {
  batch_.blocks[0].block = 8;
  ExpectRefused("block is 8, allowed is 0..7");
}
TEST_F(RefusalTest, MissingBlock) {
  batch_.blocks.clear();
  ExpectRefused("slot 0 has no block at index 0");
}
TEST_F(RefusalTest, UnknownHistory) {
  batch_.rows[0].token = kFromDevice;
  ExpectRefused("no token is known at position 0 of slot 0");
}
TEST_F(RefusalTest, RowsOfASlotApart) {
  Assign(1, {}, &batch_);
  batch_.rows = {{0, 0, 5}, {1, 0, 5}, {0, 1, 5}};
  ExpectRefused("rows of slot 0 are not consecutive");
}
TEST_F(RefusalTest, PositionsThatDoNotAscend) {
  batch_.rows = {{0, 1, 5}, {0, 1, 5}};
  ExpectRefused("positions of slot 0 do not ascend");
}
TEST_F(RefusalTest, SampleOfAnotherSlot) {
  batch_.samples[0].slot = 1;
  ExpectRefused("sample of slot 1 names row 0");
}
TEST_F(RefusalTest, SampleRow) {
  batch_.samples[0].row = 1;
  ExpectRefused("row of a sample is 1");
}

TEST_F(RefusalTest, SampleToken) {
  batch_.samples[0].token = 97;
  ExpectRefused("token of a sample is 97, allowed is -1..96");
}

TEST(CpuExecutorTest, OptionsAreChecked) {
  const GoldenModel golden("llama-plain");
  CpuOptions options = Options();
  options.max_context = 0;
  EXPECT_EQ(CpuExecutor::Create(golden.plan, options).status().code(), absl::StatusCode::kInvalidArgument);
  options = Options();
  options.kv_blocks = 1 << 30;
  EXPECT_EQ(CpuExecutor::Create(golden.plan, options).status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace hekla::cpu
