// matvec_residual of every weight type and order of rows against float64: the sum, the activation of the norm that
// follows, and its partial sums of squares.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/support/kernels/matvec_fixture.h"

namespace hekla::test {
namespace {

constexpr uint32_t kSeed = 51;

class MatvecResidualTest : public MatvecFixture {
 protected:
  struct Written {
    std::vector<float> residual, activation, partials;
  };

  // Adds W a to rows row_first ... of a residual stream `width` wide, and compares everything it writes.
  Written Check(uint32_t row_first, uint32_t width, bool biased, const MatvecSplit& split) {
    const uint32_t units = (width + 31) / 32, live = shape_.live, partial_first = row_first == 0 ? 0 : 2;
    const vulkan::Grid grid = GridOf(split);
    const uint32_t per_workgroup = RowsOfWorkgroup(split);
    std::mt19937 random(kSeed);
    std::normal_distribution<float> normal;
    auto some = [&](size_t count) {
      std::vector<float> values(count);
      for (float& each : values) each = normal(random);
      return values;
    };
    // Tokens past the live ones are read, and left alone.
    const std::vector<float> before = some(kMatvecMaxRows * width), norm = some(width), bias = some(width);
    const BufferRange residual = Buffer(before);
    const BufferRange activation = Buffer(uint64_t{kMatvecMaxRows} * units * 32);
    kernels::MatvecParams params = Params();
    params.row_first = row_first;
    params.partials = 0;
    params.flags = biased ? kernels::kMatvecBias : 0;
    params.width = width;
    params.output_units = units;
    params.partial_first = partial_first;
    params.partial_stride = partial_first + grid.x + 1;
    const BufferRange partials = Buffer(kMatvecMaxRows * params.partial_stride);
    using Arguments = kernels::MatvecResidualArguments<BufferRange>;
    Launch(Arguments::Id(quant(), interleaved()), Specialize(split),
           Arguments{weights_buffer_, StepState(std::vector<StepRow>(live), {}, kMatvecMaxRows), activations_,
                     Nothing(), biased ? Buffer(bias) : Nothing(), residual, activation, Buffer(norm), partials},
           params, grid);
    const auto x = Content<float>(residual), a = Content<float>(activation), squares = Content<float>(partials);
    std::vector<bool> changed(x.size()), activated(a.size()), summed(squares.size());
    for (uint32_t t = 0; t < live; ++t) {
      std::vector<double> sums(grid.x, 0);
      for (uint32_t r = 0; r < shape_.rows; ++r) {
        const uint32_t row = row_first + r;
        const size_t at = t * width + row, in_activation = t * units * 32 + ActivationIndex(row, units, chunk());
        const double expected = before[at] + product(t, r) + (biased ? bias[row] : 0);
        changed[at] = activated[in_activation] = true;
        EXPECT_NEAR(x[at], expected, tolerance(t, r) + 1e-6) << "token " << t << ", row " << r;
        EXPECT_NEAR(a[in_activation], x[at] * norm[row], 1e-6 * std::abs(x[at] * norm[row])) << "row " << r;
        sums[r / per_workgroup] += double{x[at]} * x[at];
      }
      for (uint32_t i = 0; i < grid.x; ++i) {
        const size_t at = t * params.partial_stride + partial_first + i;
        summed[at] = true;
        EXPECT_NEAR(squares[at], sums[i], 1e-5 * sums[i]) << "token " << t << ", partial sum " << i;
      }
    }
    for (size_t i = 0; i < changed.size(); ++i) {
      if (!changed[i]) { EXPECT_EQ(x[i], before[i]) << "residual " << i; }
    }
    for (size_t i = 0; i < activated.size(); ++i) {
      if (!activated[i]) { EXPECT_EQ(Content<uint32_t>(activation)[i], kGuardWord) << "activation word " << i; }
    }
    for (size_t i = 0; i < summed.size(); ++i) {
      if (!summed[i]) { EXPECT_EQ(Content<uint32_t>(partials)[i], kGuardWord) << "partial sum " << i; }
    }
    return {{x.begin(), x.end()}, {a.begin(), a.end()}, {squares.begin(), squares.end()}};
  }
};

TEST_P(MatvecResidualTest, AddsAndPreparesTheNextNorm) {
  for (const auto& [rows, live] : {std::pair<uint32_t, uint32_t>{1, 1}, {37, 3}, {101, 6}}) {
    SCOPED_TRACE(testing::Message() << rows << " rows, " << live << " tokens, seed " << kSeed);
    ASSERT_NO_FATAL_FAILURE(Fill({rows, AwkwardColumns(type()), live}, 0, kSeed));
    for (const uint32_t parts : {1, 2}) {
      if (interleaved() && parts > 1) continue;
      // The same rows a workgroup, so the same partial sums: they may not differ by a bit.
      const Written first = Check(0, rows, rows > 1, {4, 1, parts, parts});
      const Written second = Check(0, rows, rows > 1, {2, 4, 2 * parts, parts});
      ASSERT_FALSE(HasFailure()) << parts << " subgroups a row";
      EXPECT_EQ(first.residual, second.residual);
      for (uint32_t t = 0; t < live; ++t) {
        const size_t stride = first.partials.size() / kMatvecMaxRows;
        for (size_t i = 0; i + 1 < stride; ++i) {
          ASSERT_EQ(first.partials[t * stride + i], second.partials[t * stride + i]) << "token " << t << ", sum " << i;
        }
      }
    }
  }
}

// The second part of a matrix that one binding does not hold, in an embedding that is no multiple of a unit.
TEST_P(MatvecResidualTest, TakesAPartOfTheRows) {
  ASSERT_NO_FATAL_FAILURE(Fill({37, AwkwardColumns(type()), 3}, 0, kSeed));
  Check(32, 75, true, {2, 4, 2});
}

INSTANTIATE_TEST_SUITE_P(EveryType, MatvecResidualTest, EveryMatvecVariant(), NameOfMatvecVariant);

}  // namespace
}  // namespace hekla::test
