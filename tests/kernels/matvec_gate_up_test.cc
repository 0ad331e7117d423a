// matvec_gate_up of every weight type and order of rows against float64: SwiGLU, with and without biases.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/support/kernels/matvec_fixture.h"

namespace hekla::test {
namespace {

constexpr uint32_t kSeed = 41;

class MatvecGateUpTest : public MatvecFixture {
 protected:
  // Rows of the operation before this launch's: another part of the matrix.
  void Check(uint32_t hidden, uint32_t hidden_first, bool biased, const MatvecSplit& split) {
    const uint32_t units = (hidden_first + hidden + 31) / 32, live = shape_.live;
    const BufferRange out = Buffer(uint64_t{kMatvecMaxRows} * units * 32);
    std::mt19937 random(kSeed);
    std::normal_distribution<float> normal;
    std::vector<float> bias(2 * (hidden_first + hidden));
    for (float& each : bias) each = normal(random);
    kernels::MatvecParams params = Params();
    params.row_first = 2 * hidden_first;
    params.flags = biased ? kernels::kMatvecBias : 0;
    params.output_units = units;
    using Arguments = kernels::MatvecGateUpArguments<BufferRange>;
    Launch(Arguments::Id(quant(), interleaved()), Specialize(split),
           Arguments{weights_buffer_, StepState(std::vector<StepRow>(live), {}, kMatvecMaxRows), activations_,
                     partials_, biased ? Buffer(bias) : Nothing(), out},
           params, GridOf(split));
    std::vector<bool> written(Content<float>(out).size());
    for (uint32_t t = 0; t < live; ++t) {
      for (uint32_t i = 0; i < hidden; ++i) {
        const uint32_t element = hidden_first + i;
        const double gate = product(t, 2 * i) + (biased ? bias[2 * element] : 0);
        const double up = product(t, 2 * i + 1) + (biased ? bias[2 * element + 1] : 0);
        const double of_gate = tolerance(t, 2 * i) + 1e-6, of_up = tolerance(t, 2 * i + 1) + 1e-6;
        const size_t at = t * units * 32 + ActivationIndex(element, units, chunk());
        written[at] = true;
        ASSERT_NEAR(Content<float>(out)[at], gate / (1 + std::exp(-gate)) * up,
                    1.1 * of_gate * (std::abs(up) + of_up) + std::abs(gate) * of_up + 4e-6 * std::abs(gate * up))
            << "token " << t << ", element " << i;
      }
    }
    for (size_t i = 0; i < written.size(); ++i) {
      if (!written[i]) { ASSERT_EQ(Content<uint32_t>(out)[i], kGuardWord) << "word " << i; }
    }
  }
};

TEST_P(MatvecGateUpTest, IsSwiGlu) {
  for (const auto& [hidden, live, partials] :
       {std::tuple<uint32_t, uint32_t, uint32_t>{1, 1, 0}, {29, 3, 1}, {75, 6, 70}}) {
    SCOPED_TRACE(testing::Message() << hidden << " elements, " << live << " tokens, seed " << kSeed);
    ASSERT_NO_FATAL_FAILURE(Fill({2 * hidden, AwkwardColumns(type()), live}, partials, kSeed));
    for (const MatvecSplit split : {MatvecSplit{2, 1, 2}, {4, 4, 1}, {2, 1, 4, 2}}) {
      if (interleaved() && split.parts > 1) continue;
      ASSERT_NO_FATAL_FAILURE(Check(hidden, 0, hidden > 1, split)) << split.rows << " x " << split.columns;
    }
  }
}

// The second part of a matrix that one binding does not hold.
TEST_P(MatvecGateUpTest, TakesAPartOfTheRows) {
  ASSERT_NO_FATAL_FAILURE(Fill({2 * 29, AwkwardColumns(type()), 3}, 5, kSeed));
  ASSERT_NO_FATAL_FAILURE(Check(29, 48, true, {4, 4, 1}));
}

INSTANTIATE_TEST_SUITE_P(EveryType, MatvecGateUpTest, EveryMatvecVariant(), NameOfMatvecVariant);

}  // namespace
}  // namespace hekla::test
