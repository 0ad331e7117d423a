// Plans of every form that a model family may have, lowered to a device and compared with the same plan on the
// processor: head sizes, ratios of heads, both pairings of RoPE with factors, biases, norms of heads, and matrices of one
// op that are of different types.
#include "worker/engine/stage_lowering.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/golden_model.h"
#include "tests/support/model/random_tensor.h"
#include "worker/engine/make_executor.h"

namespace hekla::engine {
namespace {

using model::RopePairing;
using model::TensorType;

constexpr uint32_t kSeed = 111;
constexpr int kTokens = 70;   // three blocks

struct Form {
  const char* name;
  int embedding, feed_forward, head_dim;
  std::vector<std::pair<int, int>> heads;   // {query, kv} of each layer
  RopePairing pairing;
  bool biases, head_norms;
  TensorType table, q, k, v, output, gate, up, down;
};

std::vector<Form> Forms() {
  using enum TensorType;
  constexpr auto kPairs = RopePairing::kInterleaved, kHalves = RopePairing::kHalves;
  return {
      {"mixed_floats_heads_of_80", 132, 100, 80, {{6, 2}}, kPairs, true, false, kF32, kF16, kBF16, kF32, kF16, kF16, kBF16, kF32},
      {"halves_seven_to_one", 96, 160, 64, {{7, 1}, {4, 2}}, kHalves, true, false, kQ8_0, kQ8_0, kQ4_0, kQ8_0, kQ4_0, kQ4_0, kQ4_0, kQ8_0},
      {"head_norms_of_40", 256, 256, 40, {{5, 5}}, kHalves, false, true, kQ6_K, kQ4_K, kQ4_K, kQ6_K, kF16, kQ4_K, kQ6_K, kQ4_K},
      {"odd_widths_of_24", 36, 44, 24, {{3, 3}, {3, 1}}, kPairs, false, false, kF16, kF16, kF16, kF16, kBF16, kF32, kF32, kF16},
  };
}

// A plan with random weights, and the weights.
class RandomModel {
 public:
  explicit RandomModel(const Form& form, int vocabulary = 61) {
    model::ModelConfig& config = plan.config;
    config.layers = static_cast<int>(form.heads.size());
    config.embedding = form.embedding;
    config.head_dim = form.head_dim;
    config.vocabulary = vocabulary;
    config.context_length = 512;
    config.rms_epsilon = 1e-5f;
    config.rope.pairing = form.pairing;
    config.rope.freq_base = 500;
    for (int i = 0; i < form.head_dim / 2; ++i) config.rope.freq_factors.push_back(1 + 0.25f * (i % 5));
    const model::Matrix table = Matrix(form.table, vocabulary, form.embedding);
    plan.ops.push_back(model::EmbedOp{table});
    for (int layer = 0; layer < config.layers; ++layer) AddLayer(form, layer);
    plan.ops.push_back(model::HeadOp{Norm(form.embedding), table, form.biases ? Vector(vocabulary) : std::vector<float>()});
  }

  model::Plan plan;

 private:
  void AddLayer(const Form& form, int layer) {
    const auto [heads, kv_heads] = form.heads[layer];
    const int d = form.head_dim, e = form.embedding, f = form.feed_forward;
    plan.config.heads.push_back(heads);
    plan.config.kv_heads.push_back(kv_heads);
    plan.config.feed_forward.push_back(f);
    model::QkvOp qkv;
    qkv.layer = layer;
    qkv.norm = Norm(e);
    qkv.q = Matrix(form.q, heads * d, e), qkv.k = Matrix(form.k, kv_heads * d, e), qkv.v = Matrix(form.v, kv_heads * d, e);
    qkv.heads = heads, qkv.kv_heads = kv_heads, qkv.head_dim = d;
    if (form.biases) qkv.q_bias = Vector(heads * d), qkv.v_bias = Vector(kv_heads * d);   // k has none
    if (form.head_norms) qkv.q_norm = Norm(d), qkv.k_norm = Norm(d);
    model::GateUpOp gate_up{Norm(e), Matrix(form.gate, f, e), Matrix(form.up, f, e), {}, {}};
    if (form.biases) gate_up.up_bias = Vector(f);
    const auto bias = [&] { return form.biases ? Vector(e) : std::vector<float>(); };
    plan.ops.push_back(qkv);
    plan.ops.push_back(model::AttentionOp{layer, heads, kv_heads, d, 1 / std::sqrt(static_cast<float>(d))});
    plan.ops.push_back(model::AttentionOutputOp{Matrix(form.output, e, heads * d), bias()});
    plan.ops.push_back(gate_up);
    plan.ops.push_back(model::DownOp{Matrix(form.down, e, f), bias()});
  }
  model::Matrix Matrix(TensorType type, int rows, int columns) {
    bytes_.push_back(test::RandomTensor(type, uint64_t(rows) * columns, &random_));
    plan.weight_bytes += bytes_.back().size();
    return {"matrix", type, reinterpret_cast<const uint8_t*>(bytes_.back().data()), rows, columns};
  }
  std::vector<float> Vector(int count, float mean = 0) {
    std::normal_distribution<float> normal(mean, 0.2f);
    std::vector<float> values(count);
    for (float& each : values) each = normal(random_);
    return values;
  }
  std::vector<float> Norm(int count) { return Vector(count, 1); }

  std::mt19937 random_{kSeed};
  std::deque<std::string> bytes_;
};

// Logits of every position, in chunks.
std::vector<float> Logits(const model::Plan& plan, const std::string& device, int chunk) {
  ExecutorOptions options;
  options.max_context = 96;
  options.max_rows = options.max_samples = 37;
  auto executor = MakeExecutor(plan, device, options);
  EXPECT_TRUE(executor.ok()) << executor.status();
  std::vector<float> all;
  if (!executor.ok()) return all;
  schedule::Batch batch;
  batch.slots.push_back({0, {}, {}, 0});
  for (int block = 0; block < 3; ++block) batch.blocks.push_back({0, block, 2 - block});
  for (int first = 0; first < kTokens; first += chunk) {
    ++batch.step;
    batch.return_logits = true;
    for (int i = first; i < std::min(kTokens, first + chunk); ++i) {
      batch.samples.push_back({static_cast<int>(batch.rows.size()), 0});
      batch.rows.push_back({0, i, i * 17 % plan.config.vocabulary});
    }
    EXPECT_TRUE((*executor)->Submit(batch).ok());
    schedule::BatchResult result;
    EXPECT_TRUE((*executor)->Await(&result).ok());
    all.insert(all.end(), result.logits.begin(), result.logits.end());
    batch.Clear();
  }
  return all;
}

class StageLoweringTest : public testing::TestWithParam<Form> {};

TEST_P(StageLoweringTest, ComputesWhatTheProcessorComputes) {
  const RandomModel random(GetParam());
  const std::vector<float> expected = Logits(random.plan, "cpu", 35), got = Logits(random.plan, "auto", 35);
  ASSERT_EQ(got.size(), size_t{kTokens} * random.plan.config.vocabulary);
  EXPECT_LT(test::RelativeError(got, expected), 1e-3) << "seed " << kSeed;
  EXPECT_EQ(got, Logits(random.plan, "auto", 1)) << "a token at a time";
}

INSTANTIATE_TEST_SUITE_P(Forms, StageLoweringTest, testing::ValuesIn(Forms()),
                         [](const testing::TestParamInfo<Form>& form) { return std::string(form.param.name); });

vulkan::DeviceLimits SoftwareLimits(uint32_t subgroup) {
  vulkan::DeviceLimits limits;
  limits.subgroup_size = subgroup;
  limits.max_workgroup_threads = 1024;
  limits.software = true;
  limits.max_loop_iterations = 65535;
  return limits;
}

TEST(SampleThreadsTest, LeaveEachThreadNoMoreThanItMayLoopOver) {
  EXPECT_EQ(*SampleThreads(SoftwareLimits(8), 2000, 4096), 64u);
  EXPECT_EQ(*SampleThreads(SoftwareLimits(8), 32000, 4096), 64u);
  EXPECT_EQ(*SampleThreads(SoftwareLimits(8), 151936, 32768), 256u);
  EXPECT_EQ(*SampleThreads(SoftwareLimits(4), 151936, 131072), 256u);
  EXPECT_EQ(*SampleThreads(SoftwareLimits(8), 262144, 32768), 512u);
  vulkan::DeviceLimits gpu = SoftwareLimits(32);
  gpu.max_loop_iterations = 0;
  EXPECT_EQ(*SampleThreads(gpu, 1 << 24, 4096), 1024u);
  gpu.max_workgroup_threads = 256;
  EXPECT_EQ(*SampleThreads(gpu, 2000, 4096), 256u);
}

TEST(SampleThreadsTest, RefuseWhatWouldBeSampledWrongly) {
  const auto refused = SampleThreads(SoftwareLimits(8), 1 << 20, 4096);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(refused.status().message()), testing::HasSubstr("1048576 tokens"));
}

}  // namespace
}  // namespace hekla::engine
