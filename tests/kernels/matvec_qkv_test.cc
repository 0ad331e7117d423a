// matvec_qkv of every weight type and order of rows: bias, RoPE and the append, against float64. Every word of the
// cache and of the queries that no token of the step owns must stay as it was.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "tests/support/kernels/matvec_fixture.h"
#include "tests/support/kernels/paged_cache.h"
#include "worker/model/model_config.h"

namespace hekla::test {
namespace {

constexpr uint32_t kSeed = 31, kSlots = 3, kContext = 100;

struct Heads {
  uint32_t query, kv, dim;
};

class MatvecQkvTest : public MatvecFixture {
 protected:
  // A RoPE table with factors for the frequencies, as long-context Llamas have, and the angles in float64.
  void MakeRope(uint32_t head_dim) {
    model::ModelConfig config;
    config.head_dim = static_cast<int>(head_dim);
    config.rope.freq_base = 500;
    for (uint32_t i = 0; i < head_dim / 2; ++i) config.rope.freq_factors.push_back(1 + 0.25f * (i % 5));
    rope_ = Buffer(model::RopeTable(config, kContext));
    factors_ = config.rope.freq_factors;
  }
  double Angle(uint32_t position, uint32_t pair, uint32_t head_dim) const {
    return position * std::pow(500.0, -2.0 * pair / head_dim) / factors_[pair];
  }

  // Results of row and row ^ 1 of a token after bias and RoPE; `row` of the whole operation, even.
  std::pair<double, double> Pair(const Heads& heads, uint32_t token, uint32_t row, uint32_t row_first) const {
    const double a = product(token, row - row_first) + bias_[row];
    const double b = product(token, row + 1 - row_first) + bias_[row + 1];
    if (row >= (heads.query + heads.kv) * heads.dim) return {a, b};
    const double angle = Angle(rows_[token].position, row % heads.dim / 2, heads.dim);
    return {a * std::cos(angle) - b * std::sin(angle), a * std::sin(angle) + b * std::cos(angle)};
  }

  void MakeStep(const Heads& heads, uint32_t live) {
    // Both sides of block borders, in no order; two rows of one slot.
    const StepRow rows[] = {{1, 31}, {1, 32}, {0, 64}, {2, 0}, {0, 63}, {2, 99}, {2, 95}};
    rows_.assign(rows, rows + live);
    step_ = StepState(rows_, {}, kMatvecMaxRows);
    cache_ = std::make_unique<PagedCache>(heads.kv, heads.dim, kSlots, kContext, kSeed);
    slot_state_ = Buffer(cache_->SlotState());
    keys_ = Buffer(cache_->words());
    values_ = Buffer(cache_->words());
    queries_ = Buffer(kMatvecMaxRows * heads.query * heads.dim);
    const uint32_t all_rows = (heads.query + 2 * heads.kv) * heads.dim;
    std::mt19937 random(kSeed);
    std::normal_distribution<float> normal(0, 0.1f);
    bias_.resize(all_rows);
    for (float& each : bias_) each = normal(random);
    bias_buffer_ = Buffer(bias_);
  }

  // Rows row_first ... of the operation with this split; everything written is compared.
  void Check(const Heads& heads, uint32_t row_first, const MatvecSplit& split) {
    for (const BufferRange& range : {queries_, keys_, values_}) Wipe(range);
    kernels::MatvecParams params = Params();
    params.row_first = row_first;
    params.flags = kernels::kMatvecBias;
    params.q_rows = heads.query * heads.dim;
    params.k_rows = heads.kv * heads.dim;
    params.head_dim = heads.dim;
    params.kv_heads = heads.kv;
    params.slot_stride = cache_->slot_stride();
    using Arguments = kernels::MatvecQkvArguments<BufferRange>;
    Launch(Arguments::Id(quant(), interleaved()), Specialize(split),
           Arguments{weights_buffer_, step_, activations_, partials_, bias_buffer_, queries_, keys_, values_, rope_,
                     slot_state_},
           params, GridOf(split));
    std::map<size_t, std::pair<double, double>> queries, keys, values;  // element -> expected, tolerance
    for (uint32_t t = 0; t < rows_.size(); ++t) {
      for (uint32_t row = row_first; row < row_first + shape_.rows; row += 2) {
        const auto [a, b] = Pair(heads, t, row, row_first);
        const double near = tolerance(t, row - row_first) + tolerance(t, row + 1 - row_first) + 1e-6;
        for (const uint32_t k : {0u, 1u}) {
          const double value = k == 0 ? a : b;
          const uint32_t r = row + k, of_k = r - params.q_rows, of_v = of_k - params.k_rows;
          const StepRow& at = rows_[t];
          if (r < params.q_rows) {
            queries[t * params.q_rows + r] = {value, near};
          } else if (r < params.q_rows + params.k_rows) {
            keys[cache_->Key(at.slot, at.position, of_k / heads.dim, of_k % heads.dim)] = {value, near};
          } else {
            values[cache_->Value(at.slot, at.position, of_v / heads.dim, of_v % heads.dim)] = {value, near};
          }
        }
      }
    }
    ExpectFloats(queries);
    ExpectHalves("key", keys_, keys);
    ExpectHalves("value", values_, values);
  }

  void ExpectFloats(const std::map<size_t, std::pair<double, double>>& expected) {
    const auto words = Content<uint32_t>(queries_);
    for (size_t i = 0; i < words.size(); ++i) {
      const auto found = expected.find(i);
      if (found == expected.end()) {
        ASSERT_EQ(words[i], kGuardWord) << "query element " << i;
      } else {
        ASSERT_NEAR(Content<float>(queries_)[i], found->second.first, found->second.second) << "query " << i;
      }
    }
  }
  void ExpectHalves(const char* what, const BufferRange& range,
                    const std::map<size_t, std::pair<double, double>>& expected) {
    const auto halves = Content<uint16_t>(range);
    const uint16_t untouched[] = {kGuardWord & 0xffff, kGuardWord >> 16};
    for (size_t i = 0; i < halves.size(); ++i) {
      const auto found = expected.find(i);
      if (found == expected.end()) {
        ASSERT_EQ(halves[i], untouched[i % 2]) << what << " element " << i;
        continue;
      }
      // Devices round to nearest or towards zero.
      const auto [value, near] = found->second;
      ASSERT_NEAR(model::HalfToFloat(halves[i]), value, near + std::abs(value) / 1024 + 6e-8) << what << " " << i;
    }
  }

  std::vector<float> factors_, bias_;
  std::vector<StepRow> rows_;
  std::unique_ptr<PagedCache> cache_;
  BufferRange rope_, step_, slot_state_, keys_, values_, queries_, bias_buffer_;
};

TEST_P(MatvecQkvTest, TurnsAndAppends) {
  for (const auto& [heads, live, partials] :
       {std::tuple<Heads, uint32_t, uint32_t>{{3, 1, 40}, 1, 0}, {{4, 2, 64}, 7, 45}}) {
    SCOPED_TRACE(testing::Message() << heads.query << "/" << heads.kv << " heads of " << heads.dim << ", " << live
                                    << " tokens, seed " << kSeed);
    MakeRope(heads.dim);
    MakeStep(heads, live);
    const uint32_t rows = (heads.query + 2 * heads.kv) * heads.dim;
    ASSERT_NO_FATAL_FAILURE(Fill({rows, AwkwardColumns(type()), live}, partials, kSeed));
    for (const MatvecSplit split : {MatvecSplit{2, 1, 1}, {4, 4, 1}}) {
      ASSERT_NO_FATAL_FAILURE(Check(heads, 0, split)) << split.rows << " x " << split.columns;
    }
  }
}

// q of one type, k and v of another: the second launch has rows of its own.
TEST_P(MatvecQkvTest, TakesKeysAndValuesAlone) {
  const Heads heads = {3, 1, 40};
  MakeRope(heads.dim);
  MakeStep(heads, 5);
  ASSERT_NO_FATAL_FAILURE(Fill({2 * heads.kv * heads.dim, AwkwardColumns(type()), 5}, 1, kSeed));
  ASSERT_NO_FATAL_FAILURE(Check(heads, heads.query * heads.dim, {4, 4, 1}));
}

INSTANTIATE_TEST_SUITE_P(EveryType, MatvecQkvTest, EveryMatvecVariant(), NameOfMatvecVariant);

}  // namespace
}  // namespace hekla::test
