// head_norm against float64: the norm of every q and k head, RoPE, and the append of k and v.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/support/kernels/kernel_fixture.h"
#include "tests/support/kernels/paged_cache.h"

namespace hekla::test {
namespace {

constexpr uint32_t kSeed = 81, kMaxRows = 8, kSlots = 3, kContext = 100;
constexpr float kEpsilon = 1e-3f;

struct Heads {
  uint32_t query, kv, dim;
};

class HeadNormTest : public KernelFixture, public testing::WithParamInterface<Heads> {
 protected:
  std::vector<float> Random(size_t count) {
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    for (float& each : values) each = normal(random_);
    return values;
  }

  // Head `head` of a raw row after norm and turn, float64.
  std::vector<double> Expected(const float* raw, uint32_t head, uint32_t position) const {
    const Heads heads = GetParam();
    std::vector<double> x(raw, raw + heads.dim);
    if (head >= heads.query + heads.kv) return x;
    double squares = 0;
    for (const double each : x) squares += each * each;
    const double inverse = 1 / std::sqrt(squares / heads.dim + kEpsilon);
    const float* weights = &weights_[head < heads.query ? 0 : heads.dim];
    for (uint32_t i = 0; i < heads.dim; ++i) x[i] *= inverse * weights[i];
    for (uint32_t i = 0; i < heads.dim; i += 2) {
      const double c = rope_[position * heads.dim + i], s = rope_[position * heads.dim + i + 1];
      std::tie(x[i], x[i + 1]) = std::make_pair(x[i] * c - x[i + 1] * s, x[i] * s + x[i + 1] * c);
    }
    return x;
  }

  std::mt19937 random_{kSeed};
  std::vector<float> weights_, rope_;
};

TEST_P(HeadNormTest, NormsTurnsAndAppends) {
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  const Heads heads = GetParam();
  const std::vector<StepRow> rows = {{1, 31}, {1, 32}, {0, 64}, {2, 0}, {0, 99}};
  const uint32_t all = heads.query + 2 * heads.kv, width = all * heads.dim;
  const PagedCache cache(heads.kv, heads.dim, kSlots, kContext, kSeed);
  std::vector<float> raw = Random(rows.size() * width);
  std::fill_n(raw.begin(), heads.dim, 0.0f);  // a head of zeros: the epsilon
  weights_ = Random(2 * heads.dim);
  rope_ = Random(kContext * heads.dim);
  const BufferRange queries = Buffer(kMaxRows * heads.query * heads.dim);
  const BufferRange keys = Buffer(cache.words()), values = Buffer(cache.words());
  vulkan::Specialization specialization;
  specialization.max_rows = kMaxRows;
  specialization.threads = 4 * subgroup();
  using Arguments = kernels::HeadNormArguments<BufferRange>;
  Launch(Arguments::kId, specialization,
         Arguments{StepState(rows, {}, kMaxRows), Buffer(raw), Buffer(weights_), queries, keys, values, Buffer(rope_),
                   Buffer(cache.SlotState())},
         {heads.query, heads.kv, heads.dim, width, kEpsilon, cache.slot_stride()}, {(all + 3) / 4, kMaxRows, 1});
  std::vector<double> expected_keys(2 * cache.words(), NAN), expected_values = expected_keys;
  for (uint32_t t = 0; t < kMaxRows; ++t) {
    for (uint32_t head = 0; head < all; ++head) {
      if (t >= rows.size() && head < heads.query) {
        ASSERT_EQ(Content<uint32_t>(queries)[(t * heads.query + head) * heads.dim], kGuardWord) << "token " << t;
      }
      if (t >= rows.size()) continue;
      const auto [slot, position, token] = rows[t];
      const std::vector<double> x = Expected(&raw[t * width + head * heads.dim], head, position);
      for (uint32_t i = 0; i < heads.dim; ++i) {
        if (head < heads.query) {
          const size_t at = (t * heads.query + head) * heads.dim + i;
          ASSERT_NEAR(Content<float>(queries)[at], x[i], 1e-5) << "token " << t << ", head " << head << ", " << i;
        } else if (head < heads.query + heads.kv) {
          expected_keys[cache.Key(slot, position, head - heads.query, i)] = x[i];
        } else {
          expected_values[cache.Value(slot, position, head - heads.query - heads.kv, i)] = x[i];
        }
      }
    }
  }
  for (size_t i = 0; i < expected_keys.size(); ++i) {
    const uint16_t untouched = i % 2 == 0 ? kGuardWord & 0xffff : kGuardWord >> 16;
    for (const auto& [range, expected] : {std::pair{&keys, expected_keys[i]}, {&values, expected_values[i]}}) {
      const uint16_t got = Content<uint16_t>(*range)[i];
      if (std::isnan(expected)) {
        ASSERT_EQ(got, untouched) << "element " << i;
      } else {
        ASSERT_NEAR(model::HalfToFloat(got), expected, std::abs(expected) / 1024 + 1e-5) << "element " << i;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Heads, HeadNormTest,
                         testing::Values(Heads{1, 1, 8}, Heads{5, 1, 64}, Heads{6, 3, 80}, Heads{16, 8, 128},
                                         Heads{3, 3, 200}),
                         [](const testing::TestParamInfo<Heads>& heads) {
                           return std::to_string(heads.param.query) + "_" + std::to_string(heads.param.kv) + "_of_" +
                                  std::to_string(heads.param.dim);
                         });

}  // namespace
}  // namespace hekla::test
