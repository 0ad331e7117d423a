// attention and attention_across against float64: contexts at the borders of blocks and splits, ratios of query to KV
// heads, head sizes; and that neither the grid nor the heads of a workgroup change a bit. What lies past a row's own
// position is NaN or another row's future: it may not be seen.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "tests/support/kernels/kernel_fixture.h"
#include "tests/support/kernels/paged_cache.h"

namespace hekla::test {
namespace {

constexpr uint32_t kSeed = 91, kDeadRows = 3;

struct AttentionCase {
  const char* name;
  uint32_t heads, kv_heads, dim;
  std::vector<uint32_t> groups;       // query heads of a workgroup
  std::vector<StepRow> rows;          // slot, position
  float query_size = 1;
};

std::vector<AttentionCase> Cases() {
  const std::vector<StepRow> borders = {{0, 30}, {0, 31}, {0, 32}, {1, 63}, {2, 0}, {1, 64}, {3, 7}};
  return {
      {"one_token", 4, 4, 64, {1}, {{0, 0}}},
      {"block_borders", 8, 2, 64, {1, 2, 4}, borders},
      {"split_borders", 3, 1, 64, {1, 3}, {{0, 254}, {0, 255}, {0, 256}, {1, 511}, {2, 512}, {3, 40}}},
      {"long_context", 2, 1, 128, {2}, {{1, 1100}, {0, 3}, {1, 1023}}},
      {"seven_heads_of_80", 7, 1, 80, {1}, borders},
      {"three_kv_heads_of_80", 6, 3, 80, {1, 2}, {{0, 260}, {1, 97}}},
      {"heads_of_8", 5, 5, 8, {1}, borders},
      {"odd_width_of_24", 3, 3, 24, {1}, {{0, 33}, {1, 290}}},
      {"heads_of_256", 2, 1, 256, {1}, {{0, 261}, {1, 5}}},
      {"heads_of_104", 2, 1, 104, {1, 2}, {{0, 45}, {1, 260}}},
      {"sharp", 4, 2, 64, {1, 2}, {{0, 600}, {1, 31}}, 30},
  };
}

using AttentionVariant = std::pair<AttentionCase, bool>;  // true: attention_across

class AttentionTest : public KernelFixture, public testing::WithParamInterface<AttentionVariant> {
 protected:
  static const AttentionCase& shape() { return GetParam().first; }
  static bool across() { return GetParam().second; }
  uint32_t chunk() const { return across() ? 1 : subgroup(); }
  static uint32_t units() { return (shape().heads * shape().dim + 31) / 32; }
  float scale() const { return 1 / std::sqrt(static_cast<float>(shape().dim)); }

  void SetUp() override {
    KernelFixture::SetUp();
    context_ = 0;
    for (const StepRow& row : shape().rows) context_ = std::max(context_, row.position + 1);
    max_splits_ = (context_ + kernels::kSplit - 1) / kernels::kSplit;
    const uint32_t rows = shape().rows.size() + kDeadRows;
    std::mt19937 random(kSeed);
    std::normal_distribution<float> normal;
    queries_ = Buffer(rows * shape().heads * shape().dim);
    for (float& each : Content<float>(queries_)) each = shape().query_size * normal(random);
    cache_ = std::make_unique<PagedCache>(shape().kv_heads, shape().dim, 4, context_, kSeed);
    keys_ = Buffer(cache_->words());
    values_ = Buffer(cache_->words());
    slot_state_ = Buffer(cache_->SlotState());
    std::vector<uint32_t> filled(4, 0);  // tokens of each slot
    for (const StepRow& row : shape().rows) filled[row.slot] = std::max(filled[row.slot], row.position + 1);
    for (uint32_t slot = 0; slot < 4; ++slot) {
      for (uint32_t i = 0; i < filled[slot] * shape().kv_heads * shape().dim; ++i) {
        const uint32_t dim = i % shape().dim, head = i / shape().dim % shape().kv_heads;
        const uint32_t token = i / shape().dim / shape().kv_heads;
        Content<uint16_t>(keys_)[cache_->Key(slot, token, head, dim)] = model::FloatToHalf(normal(random));
        Content<uint16_t>(values_)[cache_->Value(slot, token, head, dim)] = model::FloatToHalf(normal(random));
      }
    }
    step_ = StepState(shape().rows, {}, rows);
    output_ = Buffer(rows * units() * 32);
    split_results_ = Buffer(rows * shape().heads * max_splits_ * (shape().dim + 2));
    arrivals_ = Buffer(std::vector<uint32_t>(rows * shape().heads, 0));
  }

  template <typename Arguments>
  void Attend(uint32_t group, uint32_t splits) {
    Wipe(output_);
    Wipe(split_results_);
    vulkan::Specialization specialization;
    specialization.max_rows = shape().rows.size() + kDeadRows;
    specialization.threads = across() ? subgroup() : 256;
    specialization.ahead = shape().dim == 64 ? 16 : 4;
    specialization.head_dim = shape().dim;
    specialization.group = group;
    specialization.activation_chunk = chunk();
    Launch(Arguments::kId, specialization,
           Arguments{step_, queries_, keys_, values_, slot_state_, output_, split_results_, arrivals_},
           {shape().heads, shape().kv_heads, cache_->slot_stride(), units(), max_splits_, scale()},
           {shape().heads / group, static_cast<uint32_t>(shape().rows.size()) + kDeadRows, splits});
    for (const uint32_t word : Content<uint32_t>(arrivals_)) ASSERT_EQ(word, 0u) << "arrivals are left over";
  }
  void Attend(uint32_t group, uint32_t splits) {
    across() ? Attend<kernels::AttentionAcrossArguments<BufferRange>>(group, splits)
             : Attend<kernels::AttentionArguments<BufferRange>>(group, splits);
  }

  // Output of a head of a row, in float64.
  std::vector<double> Expected(uint32_t row, uint32_t head) const {
    const auto [slot, position, token] = shape().rows[row];
    const uint32_t kv_head = head / (shape().heads / shape().kv_heads), dim = shape().dim;
    const float* query = &Content<float>(queries_)[(row * shape().heads + head) * dim];
    std::vector<double> scores(position + 1, 0), sum(dim, 0);
    for (uint32_t t = 0; t <= position; ++t) {
      for (uint32_t i = 0; i < dim; ++i) {
        const size_t at = cache_->Key(slot, t, kv_head, i);
        scores[t] += double{query[i]} * model::HalfToFloat(Content<uint16_t>(keys_)[at]);
      }
    }
    const double largest = *std::max_element(scores.begin(), scores.end());
    double total = 0;
    for (uint32_t t = 0; t <= position; ++t) {
      const double weight = std::exp((scores[t] - largest) * scale());
      total += weight;
      for (uint32_t i = 0; i < dim; ++i) {
        const size_t at = cache_->Value(slot, t, kv_head, i);
        sum[i] += weight * model::HalfToFloat(Content<uint16_t>(values_)[at]);
      }
    }
    for (double& each : sum) each /= total;
    return sum;
  }

  uint32_t context_ = 0, max_splits_ = 0;
  std::unique_ptr<PagedCache> cache_;
  BufferRange queries_, keys_, values_, slot_state_, step_, output_, split_results_, arrivals_;
};

TEST_P(AttentionTest, IsSoftmaxOverTheRowsOwnPast) {
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  ASSERT_NO_FATAL_FAILURE(Attend(shape().groups[0], max_splits_));
  const uint32_t dim = shape().dim;
  std::vector<bool> written(Content<float>(output_).size());
  for (uint32_t row = 0; row < shape().rows.size(); ++row) {
    for (uint32_t head = 0; head < shape().heads; ++head) {
      const std::vector<double> expected = Expected(row, head);
      for (uint32_t i = 0; i < dim; ++i) {
        const size_t at = row * units() * 32 + ActivationIndex(head * dim + i, units(), chunk());
        written[at] = true;
        ASSERT_NEAR(Content<float>(output_)[at], expected[i], 2e-5 * std::max(1.0f, shape().query_size))
            << "row " << row << ", head " << head << ", dimension " << i;
      }
    }
  }
  for (size_t i = 0; i < written.size(); ++i) {
    if (!written[i]) { ASSERT_EQ(Content<uint32_t>(output_)[i], kGuardWord) << "output word " << i; }
  }
}

TEST_P(AttentionTest, NeitherGridNorGroupChangesABit) {
  ASSERT_NO_FATAL_FAILURE(Attend(shape().groups[0], max_splits_));
  const std::vector<uint32_t> first(Content<uint32_t>(output_).begin(), Content<uint32_t>(output_).end());
  for (const uint32_t group : shape().groups) {
    for (const uint32_t splits : {1u, max_splits_, max_splits_ + 2}) {
      ASSERT_NO_FATAL_FAILURE(Attend(group, splits));
      const auto got = Content<uint32_t>(output_);
      for (size_t i = 0; i < got.size(); ++i) {
        ASSERT_EQ(got[i], first[i]) << "word " << i << ", " << group << " heads a workgroup, grid of " << splits
                                    << " splits";
      }
    }
  }
}

std::vector<AttentionVariant> Variants() {
  std::vector<AttentionVariant> variants;
  for (const AttentionCase& each : Cases()) {
    variants.emplace_back(each, false);
    // The other kernel is straight code of head_dim / 8 pieces, which software drivers take long to compile.
    if (each.dim <= 128) variants.emplace_back(each, true);
  }
  return variants;
}

INSTANTIATE_TEST_SUITE_P(Kernels, AttentionTest, testing::ValuesIn(Variants()),
                         [](const testing::TestParamInfo<AttentionVariant>& variant) {
                           return std::string(variant.param.first.name) + (variant.param.second ? "_across" : "");
                         });

}  // namespace
}  // namespace hekla::test
