// embed of every weight type and order of rows against dequantised rows: residual stream, activation of the first norm
// and sum of squares; rows of the table that another launch holds.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/support/kernels/matvec_fixture.h"
#include "tests/support/model/random_tensor.h"

namespace hekla::test {
namespace {

constexpr uint32_t kSeed = 71, kMaxRows = 8, kPartialStride = 5;

class EmbedTest : public KernelFixture, public testing::WithParamInterface<MatvecVariant> {
 protected:
  static model::TensorType type() { return std::get<0>(GetParam()); }
  static engine::RowOrder order() { return std::get<1>(GetParam()); }

  void SetUp() override {
    KernelFixture::SetUp();
    auto uploader = vulkan::Uploader::Create(device_.get(), 1 << 20);
    ASSERT_TRUE(uploader.ok()) << uploader.status();
    uploader_ = std::move(*uploader);
    weights_ = std::make_unique<engine::DeviceWeights>(device_.get(), uploader_.get(), order(), 0, nullptr);
  }

  // Embeds `ids` with a table of which this launch holds rows [row_first, row_first + rows).
  void Check(uint32_t embedding, uint32_t row_first, uint32_t rows, const std::vector<uint32_t>& ids) {
    std::mt19937 random(kSeed);
    const std::string bytes = RandomTensor(type(), uint64_t{rows} * embedding, &random);
    std::vector<const uint8_t*> row_bytes;
    for (uint32_t r = 0; r < rows; ++r) {
      row_bytes.push_back(reinterpret_cast<const uint8_t*>(bytes.data()) + r * (bytes.size() / rows));
    }
    const auto table = weights_->Add(type(), embedding, row_bytes);
    ASSERT_TRUE(table.ok()) << table.status();
    ASSERT_TRUE(uploader_->Finish().ok());
    std::vector<float> norm(table->units * 32, 0);
    for (uint32_t i = 0; i < embedding; ++i) norm[i] = 0.5f + static_cast<float>(i % 13) / 8;
    std::vector<StepRow> step;
    for (const uint32_t id : ids) step.push_back({0, 0, id});
    const BufferRange residual = Buffer(kMaxRows * embedding), activation = Buffer(kMaxRows * table->units * 32);
    const BufferRange partials = Buffer(kMaxRows * kPartialStride);
    vulkan::Specialization specialization;
    specialization.max_rows = kMaxRows;
    specialization.threads = 64;
    specialization.partial_stride = kPartialStride;
    specialization.activation_chunk = ActivationChunk(order(), subgroup());
    using Arguments = kernels::EmbedArguments<BufferRange>;
    const auto& layout = table->parts[0].layout;
    Launch(Arguments::Id(engine::QuantOf(type()), order() == engine::RowOrder::kInterleaved), specialization,
           Arguments{table->parts[0].buffer, StepState(step, {}, kMaxRows), residual, activation, Buffer(norm),
                     partials},
           {table->units, embedding, layout.scale_base(), layout.high_base(), row_first, rows}, {1, kMaxRows, 1});
    std::vector<float> x(embedding);
    for (uint32_t t = 0; t < kMaxRows; ++t) {
      const bool taken = t < ids.size() && ids[t] >= row_first && ids[t] < row_first + rows;
      if (taken) model::Dequantize(type(), row_bytes[ids[t] - row_first], embedding, x.data());
      double squares = 0;
      for (uint32_t i = 0; i < table->units * 32; ++i) {
        const size_t at = t * table->units * 32 + ActivationIndex(i, table->units, specialization.activation_chunk);
        if (!taken) {
          ASSERT_EQ(Content<uint32_t>(activation)[at], kGuardWord) << "token " << t << ", element " << i;
          if (i < embedding) { ASSERT_EQ(Content<uint32_t>(residual)[t * embedding + i], kGuardWord); }
          continue;
        }
        if (i >= embedding) {  // the rest of the last unit is read by the next matvec
          ASSERT_EQ(Content<float>(activation)[at], 0) << "token " << t << ", element " << i;
          continue;
        }
        ASSERT_NEAR(Content<float>(residual)[t * embedding + i], x[i], 1e-6 * std::abs(x[i]) + 1e-7)
            << "token " << t << ", element " << i;
        ASSERT_NEAR(Content<float>(activation)[at], x[i] * norm[i], 2e-6 * std::abs(x[i] * norm[i]) + 2e-7);
        squares += double{x[i]} * x[i];
      }
      for (uint32_t i = 0; i < kPartialStride; ++i) {
        const size_t at = t * kPartialStride + i;
        if (taken && i == 0) {
          ASSERT_NEAR(Content<float>(partials)[at], squares, 2e-5 * squares) << "token " << t;
        } else {
          ASSERT_EQ(Content<uint32_t>(partials)[at], kGuardWord) << "token " << t << ", partial sum " << i;
        }
      }
    }
  }

  std::unique_ptr<vulkan::Uploader> uploader_;
  std::unique_ptr<engine::DeviceWeights> weights_;
};

std::vector<uint32_t> EmbeddingsOf(model::TensorType type) {
  switch (model::Traits(type).block_weights) {
    case 1: return {4, 92, 2124};  // multiples of 4; the last is more units than the workgroup has threads
    case 32: return {32, 96, 2112};
    default: return {256, 2304};
  }
}

TEST_P(EmbedTest, IsTheTablesRow) {
  for (const uint32_t embedding : EmbeddingsOf(type())) {
    SCOPED_TRACE(testing::Message() << "embedding " << embedding << ", seed " << kSeed);
    ASSERT_NO_FATAL_FAILURE(Check(embedding, 0, 45, {44, 0, 31, 32, 7, 7, 33}));
  }
}

TEST_P(EmbedTest, LeavesRowsOfOtherPartsAlone) {
  ASSERT_NO_FATAL_FAILURE(Check(EmbeddingsOf(type())[1], 64, 37, {63, 64, 100, 101, 0, 0xffffffffu}));
}

INSTANTIATE_TEST_SUITE_P(EveryType, EmbedTest, EveryMatvecVariant(), NameOfMatvecVariant);

}  // namespace
}  // namespace hekla::test
