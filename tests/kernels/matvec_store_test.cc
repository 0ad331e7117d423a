// matvec_store of every weight type and order of rows against dequantised rows in float64: sizes
// that are multiples of nothing, and the promise of common/matvec.glsl that a result is the same bit for bit
// however many rows and columns a subgroup takes. Then what only matvec_store does: sampled rows, and the up half
// of a SwiGLU.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "tests/support/kernels/matvec_fixture.h"

namespace hekla::test {
namespace {

using model::TensorType;
using Arguments = kernels::MatvecStoreArguments<vulkan::BufferRange>;

constexpr uint32_t kSeed = 20;

class MatvecStoreTest : public MatvecFixture {
 protected:
  BufferRange RandomVector(size_t count) {
    std::mt19937 random(kSeed + 1);
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    for (float& each : values) each = normal(random);
    return Buffer(values);
  }
  void LaunchStore(const kernels::MatvecParams& params, const MatvecSplit& split, const Arguments& arguments) {
    Launch(Arguments::Id(quant(), interleaved()), Specialize(split), arguments, params, GridOf(split));
  }
  BufferRange StepOf(uint32_t live) { return StepState(std::vector<StepRow>(live), {}, kMatvecMaxRows); }
};

std::vector<uint32_t> ColumnsOf(TensorType type) {
  switch (model::Traits(type).block_weights) {
    case 1: return {1, 45, 1061};
    case 32: return {32, 96, 1056};
    default: return {256, 768};
  }
}

TEST_P(MatvecStoreTest, IsTheDequantisedProductHoweverItIsSplit) {
  for (const uint32_t columns : ColumnsOf(type())) {
    for (const auto& [rows, live] : {std::pair<uint32_t, uint32_t>{1, 1}, {13, 3}, {67, 5}}) {
      SCOPED_TRACE(testing::Message()
                   << rows << " rows of " << columns << ", " << live << " columns, seed " << kSeed);
      ASSERT_NO_FATAL_FAILURE(Fill({rows, columns, live}, 0, kSeed + rows));
      const BufferRange bias = RandomVector(rows), output = Buffer(live * rows), step = StepOf(live);
      kernels::MatvecParams params = Params();
      params.flags = kernels::kMatvecBias;
      params.width = rows;
      std::vector<float> firsts[3];  // by parts
      for (const MatvecSplit split :
           {MatvecSplit{1, 1, 1}, {2, 1, 2}, {4, 1, 4}, {4, 2, 2}, {2, 4, 2}, {2, 8, 1}, {1, 1, 2, 2}, {2, 2, 4, 2}}) {
        if (interleaved() && split.parts > 1) continue;
        SCOPED_TRACE(testing::Message() << split.rows << " x " << split.columns << " a subgroup, parts " << split.parts);
        Wipe(output);
        LaunchStore(params, split,
                    {weights_buffer_, step, activations_, partials_, bias, output, Nothing()});
        const auto got = Content<float>(output);
        std::vector<float>& first = firsts[split.parts];
        if (first.empty()) first.assign(got.begin(), got.end());
        for (size_t i = 0; i < got.size(); ++i) {
          const float b = Content<float>(bias)[i % rows];
          const uint32_t token = i / rows, row = i % rows;
          ASSERT_NEAR(got[i], product(token, row) + b, tolerance(token, row) + 1e-6 * std::abs(b)) << "result " << i;
          ASSERT_EQ(std::memcmp(&got[i], &first[i], sizeof(float)), 0) << "result " << i;
        }
      }
    }
  }
}

// Logits: columns are the sampled rows of the step, in the order of the samples.
TEST_P(MatvecStoreTest, GathersSampledRows) {
  const uint32_t rows = 13, samples = 5, picked[samples] = {6, 0, 3, 3, 5};
  ASSERT_NO_FATAL_FAILURE(Fill({rows, AwkwardColumns(type()), 7}, 9, kSeed));
  std::vector<StepSample> of_step;
  for (const uint32_t row : picked) of_step.push_back({row, 0, 0});
  kernels::MatvecParams params = Params();
  params.flags = kernels::kMatvecSamples;
  params.row_first = 2;
  params.width = 17;
  const BufferRange output = Buffer(8 * params.width), step = StepState(std::vector<StepRow>(7), of_step, kMatvecMaxRows);
  LaunchStore(params, {2, 4, 2}, {weights_buffer_, step, activations_, partials_, Nothing(), output, Nothing()});
  for (uint32_t i = 0; i < 8 * params.width; ++i) {
    const uint32_t sample = i / params.width, row = i % params.width - params.row_first;
    if (sample < samples && row < rows) {
      ASSERT_NEAR(Content<float>(output)[i], product(picked[sample], row), tolerance(picked[sample], row));
    } else {
      ASSERT_EQ(Content<uint32_t>(output)[i], kGuardWord) << "sample " << sample << ", row " << row;
    }
  }
}

// Gate and up of different types: the gate is in memory, up's launch writes the product as an activation.
TEST_P(MatvecStoreTest, FinishesASwiGlu) {
  const uint32_t rows = 45, live = 3, units = 2;
  ASSERT_NO_FATAL_FAILURE(Fill({rows, AwkwardColumns(type()), live}, 0, kSeed));
  const BufferRange gates = RandomVector(kMatvecMaxRows * rows), activation = Buffer(kMatvecMaxRows * units * 32);
  const std::vector<float> before(Content<float>(gates).begin(), Content<float>(gates).end());
  kernels::MatvecParams params = Params();
  params.flags = kernels::kMatvecSiluInput;
  params.width = rows;
  params.output_units = units;
  LaunchStore(params, {4, 2, 2},
              {weights_buffer_, StepOf(live), activations_, partials_, Nothing(), gates, activation});
  std::vector<bool> written(Content<float>(activation).size());
  for (uint32_t t = 0; t < live; ++t) {
    for (uint32_t row = 0; row < rows; ++row) {
      const double gate = before[t * rows + row], silu = gate / (1 + std::exp(-gate));
      const size_t at = t * units * 32 + ActivationIndex(row, units, chunk());
      written[at] = true;
      ASSERT_NEAR(Content<float>(activation)[at], silu * product(t, row),
                  std::abs(gate) * (tolerance(t, row) + 4e-6 * std::abs(product(t, row))));
    }
  }
  for (size_t i = 0; i < written.size(); ++i) {
    if (!written[i]) { ASSERT_EQ(Content<uint32_t>(activation)[i], kGuardWord) << "word " << i; }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryType, MatvecStoreTest, EveryMatvecVariant(), NameOfMatvecVariant);

}  // namespace
}  // namespace hekla::test
