#include "tests/support/kernels/matvec_fixture.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "tests/support/model/random_tensor.h"

namespace hekla::test {
namespace {

constexpr float kEpsilon = 1e-5f, kInverseWidth = 1.0f / 77;

}  // namespace

void MatvecFixture::SetUp() {
  KernelFixture::SetUp();
  auto uploader = vulkan::Uploader::Create(device_.get(), 1 << 18);
  ASSERT_TRUE(uploader.ok()) << uploader.status();
  uploader_ = std::move(*uploader);
  weights_ = std::make_unique<engine::DeviceWeights>(device_.get(), uploader_.get(), std::get<1>(GetParam()), 0,
                                                     nullptr);
}

void MatvecFixture::Fill(const MatvecShape& shape, uint32_t partials, uint32_t seed) {
  shape_ = shape;
  std::mt19937 random(seed);
  ASSERT_EQ(shape.columns % model::Traits(type()).block_weights, 0u);
  const std::string bytes = RandomTensor(type(), uint64_t{shape.rows} * shape.columns, &random);
  std::vector<const uint8_t*> rows;
  for (uint32_t r = 0; r < shape.rows; ++r) {
    rows.push_back(reinterpret_cast<const uint8_t*>(bytes.data()) + r * (bytes.size() / shape.rows));
  }
  auto matrix = weights_->Add(type(), shape.columns, rows);
  ASSERT_TRUE(matrix.ok()) << matrix.status();
  ASSERT_TRUE(uploader_->Finish().ok());
  ASSERT_EQ(matrix->parts.size(), 1u);
  matrix_ = *matrix;
  weights_buffer_ = matrix_.parts[0].buffer;

  std::normal_distribution<float> normal;
  std::vector<float> x(uint64_t{shape.live} * shape.columns);
  for (float& each : x) each = normal(random);
  const uint32_t width = matrix_.units * 32;
  activations_ = Buffer(uint64_t{kMatvecMaxRows} * width);
  const auto out = Content<float>(activations_);
  for (uint32_t t = 0; t < shape.live; ++t) {
    for (uint32_t k = 0; k < width; ++k) {
      out[t * width + ActivationIndex(k, matrix_.units, chunk())] =
          k < shape.columns ? x[t * shape.columns + k] : 0;
    }
  }
  Multiply(rows, x);
  AddNorm(partials, seed);
}

void MatvecFixture::Multiply(const std::vector<const uint8_t*>& rows, const std::vector<float>& x) {
  products_.assign(uint64_t{shape_.live} * shape_.rows, 0);
  tolerances_ = products_;
  std::vector<float> row(shape_.columns);
  for (uint32_t r = 0; r < shape_.rows; ++r) {
    model::Dequantize(type(), rows[r], shape_.columns, row.data());
    for (uint32_t t = 0; t < shape_.live; ++t) {
      double sum = 0, size = 0;
      for (uint32_t k = 0; k < shape_.columns; ++k) {
        const double product = double{row[k]} * x[t * shape_.columns + k];
        sum += product, size += std::abs(product);
      }
      products_[t * shape_.rows + r] = sum;
      tolerances_[t * shape_.rows + r] = 4e-6 * size;  // sums of up to a thousand float32 products
    }
  }
}

void MatvecFixture::AddNorm(uint32_t partials, uint32_t seed) {
  partial_count_ = partials;
  partial_stride_ = partials + 3;
  partials_ = Buffer(uint64_t{kMatvecMaxRows} * partial_stride_);
  if (partials == 0) return;
  std::mt19937 random(seed + 1);
  std::uniform_real_distribution<float> square(0, 9);
  for (uint32_t t = 0; t < shape_.live; ++t) {
    double sum = 0;
    for (uint32_t i = 0; i < partials; ++i) {
      sum += Content<float>(partials_)[t * partial_stride_ + i] = square(random);
    }
    const double factor = 1 / std::sqrt(sum * kInverseWidth + kEpsilon);
    for (uint32_t r = 0; r < shape_.rows; ++r) {
      double& product = products_[t * shape_.rows + r];
      product *= factor;
      tolerances_[t * shape_.rows + r] = tolerances_[t * shape_.rows + r] * factor + 2e-6 * std::abs(product);
    }
  }
}

vulkan::Specialization MatvecFixture::Specialize(const MatvecSplit& split) const {
  vulkan::Specialization specialization;
  specialization.max_rows = kMatvecMaxRows;
  specialization.rows = split.rows * (interleaved() ? subgroup() : 1);
  specialization.columns = split.columns;
  specialization.threads = split.subgroups * subgroup();
  specialization.split = split.parts;
  specialization.activation_chunk = chunk();
  return specialization;
}

kernels::MatvecParams MatvecFixture::Params() const {
  kernels::MatvecParams params{};
  params.rows = shape_.rows;
  params.units = matrix_.units;
  params.scale_base = matrix_.parts[0].layout.scale_base();
  params.high_base = matrix_.parts[0].layout.high_base();
  params.partials = partial_count_;
  params.partial_stride = partial_stride_;
  params.inverse_width = kInverseWidth;
  params.epsilon = kEpsilon;
  return params;
}

uint32_t MatvecFixture::RowsOfWorkgroup(const MatvecSplit& split) const {
  return Specialize(split).rows * (split.subgroups / split.parts);
}

vulkan::Grid MatvecFixture::GridOf(const MatvecSplit& split) const {
  const uint32_t per_workgroup = RowsOfWorkgroup(split);
  return {(shape_.rows + per_workgroup - 1) / per_workgroup, (shape_.live + split.columns - 1) / split.columns, 1};
}

std::string NameOfMatvecVariant(const testing::TestParamInfo<MatvecVariant>& variant) {
  const auto [type, order] = variant.param;
  return std::string(model::Traits(type).name) + (order == engine::RowOrder::kInterleaved ? "_interleaved" : "");
}

uint32_t AwkwardColumns(model::TensorType type) {
  switch (model::Traits(type).block_weights) {
    case 1: return 301;
    case 32: return 288;
    default: return 512;
  }
}

}  // namespace hekla::test
