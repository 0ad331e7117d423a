// matvec_store of every weight type and order of rows against dequantised rows in float64: sizes
// that are multiples of nothing, guard bands around the output, and the promise of common/matvec.glsl that a
// result is the same bit for bit however many rows and columns a subgroup takes.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "tests/support/model/random_tensor.h"
#include "tests/worker/vulkan/device_fixture.h"
#include "worker/engine/device_weights.h"

namespace hekla::engine {
namespace {

using model::TensorType;
using vulkan::BufferRange;

constexpr uint32_t kSeed = 20;
constexpr uint32_t kMaxRows = 16;  // tokens of a step that there is room for
constexpr uint64_t kGuardBytes = 4096;
constexpr uint32_t kGuardWord = 0x7fc0dead;  // a NaN

struct Shape {
  uint32_t rows, columns, live;  // of the matrix; activation columns
};
struct Split {
  uint32_t rows, columns, subgroups;  // of a subgroup; subgroups of a workgroup
  uint32_t parts = 1;                 // subgroups that share a row
};

class MatvecTest : public vulkan::DeviceFixture,
                   public testing::WithParamInterface<std::tuple<TensorType, RowOrder>> {
 protected:
  void SetUp() override {
    DeviceFixture::SetUp();
    auto uploader = vulkan::Uploader::Create(device_.get(), 1 << 18);
    ASSERT_TRUE(uploader.ok()) << uploader.status();
    uploader_ = std::move(*uploader);
    device_arena_ = std::make_unique<vulkan::Arena>(device_.get(), vulkan::MemoryKind::kDevice, 1 << 20);
    upload_arena_ = std::make_unique<vulkan::Arena>(device_.get(), vulkan::MemoryKind::kUpload, 1 << 20);
    weights_ = std::make_unique<DeviceWeights>(device_.get(), uploader_.get(), order(), 0, nullptr);
    kernels_ = std::make_unique<vulkan::KernelCache>(device_.get());
    launches_ = std::make_unique<vulkan::LaunchMaker>(device_.get());
  }

  static RowOrder order() { return std::get<1>(GetParam()); }
  static bool interleaved() { return order() == RowOrder::kInterleaved; }
  uint32_t subgroup() const { return device_->limits().subgroup_size; }
  uint32_t activation_chunk() const { return interleaved() ? 1 : subgroup(); }

  // Where element k of an activation row stands: common/activation.glsl.
  uint32_t ActivationIndex(uint32_t k, uint32_t units) const {
    const uint32_t size = activation_chunk(), unit = k / 32;
    const uint32_t chunk = unit / size * size, n = std::min(size, units - chunk);
    return (chunk * 8 + k % 32 / 4 * n + unit - chunk) * 4 + k % 4;
  }

  // Random weights, activations and bias of a shape; the expected results in float64.
  void Fill(TensorType type, const Shape& shape) {
    shape_ = shape;
    std::mt19937 random(kSeed + shape.rows);
    const auto& traits = model::Traits(type);
    ASSERT_EQ(shape.columns % traits.block_weights, 0u);
    const std::string data = test::RandomTensor(type, uint64_t{shape.rows} * shape.columns, &random);
    const uint64_t row_bytes = data.size() / shape.rows;
    std::vector<const uint8_t*> rows;
    for (uint32_t r = 0; r < shape.rows; ++r) {
      rows.push_back(reinterpret_cast<const uint8_t*>(data.data()) + r * row_bytes);
    }
    auto matrix = weights_->Add(type, shape.columns, rows);
    ASSERT_TRUE(matrix.ok()) << matrix.status();
    ASSERT_TRUE(uploader_->Finish().ok());
    ASSERT_EQ(matrix->parts.size(), 1u);
    matrix_ = *matrix;

    std::normal_distribution<float> normal;
    std::vector<float> x(uint64_t{kMaxRows} * shape.columns), bias(shape.rows);
    for (float& each : x) each = normal(random);
    for (float& each : bias) each = normal(random);
    Expect(type, rows, x, bias);
    activations_ = Host(uint64_t{kMaxRows} * matrix_.units * 32);
    auto* out = reinterpret_cast<float*>(activations_.mapped);
    for (uint32_t c = 0; c < kMaxRows; ++c) {
      for (uint32_t k = 0; k < shape.columns; ++k) {
        out[c * matrix_.units * 32 + ActivationIndex(k, matrix_.units)] = x[c * shape.columns + k];
      }
    }
    bias_ = Host(shape.rows);
    std::memcpy(bias_.mapped, bias.data(), bias.size() * sizeof(float));
    step_ = Host(4 + 4 * kMaxRows);
    reinterpret_cast<uint32_t*>(step_.mapped)[0] = shape.live;
    nothing_ = Host(64);
  }

  void Expect(TensorType type, const std::vector<const uint8_t*>& rows, const std::vector<float>& x,
              const std::vector<float>& bias) {
    expected_.assign(uint64_t{shape_.live} * shape_.rows, 0);
    tolerance_ = expected_;
    std::vector<float> row(shape_.columns);
    for (uint32_t r = 0; r < shape_.rows; ++r) {
      model::Dequantize(type, rows[r], shape_.columns, row.data());
      for (uint32_t c = 0; c < shape_.live; ++c) {
        double sum = bias[r], size = std::abs(bias[r]);
        for (uint32_t k = 0; k < shape_.columns; ++k) {
          const double product = double{row[k]} * x[c * shape_.columns + k];
          sum += product, size += std::abs(product);
        }
        expected_[c * shape_.rows + r] = sum;
        tolerance_[c * shape_.rows + r] = 4e-6 * size;  // sums of up to a thousand float32 products
      }
    }
  }

  BufferRange Host(uint64_t words) {
    const BufferRange range = Take(*upload_arena_, words * 4);
    std::memset(range.mapped, 0, range.bytes);
    return range;
  }

  // The output as written, guards checked.
  std::vector<float> Compute(TensorType type, const Split& split) {
    using Arguments = kernels::MatvecStoreArguments<BufferRange>;
    const uint64_t bytes = uint64_t{shape_.live} * shape_.rows * 4;
    const BufferRange guarded = Take(*device_arena_, bytes + 2 * kGuardBytes);
    const BufferRange output = guarded.Part(kGuardBytes, bytes);
    vulkan::Specialization specialization;
    specialization.max_rows = kMaxRows;
    specialization.rows = split.rows;
    specialization.columns = split.columns;
    specialization.threads = split.subgroups * subgroup();
    specialization.activation_chunk = activation_chunk();
    specialization.split = split.parts;
    kernels::MatvecParams params{};
    params.rows = shape_.rows;
    params.units = matrix_.units;
    params.scale_base = matrix_.parts[0].layout.scale_base();
    params.high_base = matrix_.parts[0].layout.high_base();
    params.flags = kernels::kMatvecBias;
    params.width = shape_.rows;
    const auto pipeline = kernels_->Get(Arguments::Id(QuantOf(type), interleaved()), specialization);
    EXPECT_TRUE(pipeline.ok()) << pipeline.status();
    if (!pipeline.ok()) return {};
    const Arguments arguments{
        matrix_.parts[0].buffer, step_, activations_, nothing_, bias_, output, nothing_};
    const auto launch = launches_->Make(*pipeline, arguments, params);
    EXPECT_TRUE(launch.ok()) << launch.status();
    if (!launch.ok()) return {};
    auto recorder = NewRecorder();
    recorder->Fill(guarded, kGuardWord);
    const uint32_t per_workgroup = split.rows * (split.subgroups / split.parts);
    recorder->Add(*launch, {(shape_.rows + per_workgroup - 1) / per_workgroup,
                            (shape_.live + split.columns - 1) / split.columns, 1});
    Run(*recorder);
    const std::vector<uint8_t> all = ReadBack(guarded);
    for (uint64_t i = 0; i < all.size(); i += 4) {
      uint32_t word;
      std::memcpy(&word, &all[i], 4);
      if (i >= kGuardBytes && i < kGuardBytes + bytes) continue;
      EXPECT_EQ(word, kGuardWord) << "guard byte " << i;
    }
    std::vector<float> values(bytes / 4);
    std::memcpy(values.data(), &all[kGuardBytes], bytes);
    return values;
  }

  std::unique_ptr<vulkan::Uploader> uploader_;
  std::unique_ptr<vulkan::Arena> device_arena_, upload_arena_;
  std::unique_ptr<DeviceWeights> weights_;
  std::unique_ptr<vulkan::KernelCache> kernels_;
  std::unique_ptr<vulkan::LaunchMaker> launches_;
  Shape shape_;
  DeviceMatrix matrix_;
  BufferRange activations_, bias_, step_, nothing_;
  std::vector<double> expected_, tolerance_;
};

std::vector<uint32_t> ColumnsOf(TensorType type) {
  switch (model::Traits(type).block_weights) {
    case 1:
      return {1, 45, 1061};
    case 32:
      return {32, 96, 1056};
    default:
      return {256, 768};
  }
}

TEST_P(MatvecTest, IsTheDequantisedProductHoweverItIsSplit) {
  const TensorType type = std::get<0>(GetParam());
  for (const uint32_t columns : ColumnsOf(type)) {
    for (const auto& [rows, live] : {std::pair<uint32_t, uint32_t>{1, 1}, {13, 3}, {67, 5}}) {
      SCOPED_TRACE(testing::Message()
                   << rows << " rows of " << columns << ", " << live << " columns, seed " << kSeed);
      ASSERT_NO_FATAL_FAILURE(Fill(type, {rows, columns, live}));
      std::vector<float> firsts[5];  // by parts
      for (Split split : {Split{1, 1, 1}, {2, 1, 2}, {4, 1, 4}, {8, 1, 4}, {4, 2, 4}, {2, 4, 2}, {4, 8, 1},
                          {1, 1, 2, 2}, {2, 2, 4, 2}, {2, 1, 4, 4}}) {
        if (interleaved() && split.parts > 1) continue;
        if (interleaved()) split.rows *= subgroup();  // a lane takes whole rows
        const std::vector<float> got = Compute(type, split);
        ASSERT_EQ(got.size(), expected_.size());
        std::vector<float>& first = firsts[split.parts];
        if (first.empty()) first = got;
        for (size_t i = 0; i < got.size(); ++i) {
          ASSERT_NEAR(got[i], expected_[i], tolerance_[i]) << "result " << i;
          ASSERT_EQ(std::memcmp(&got[i], &first[i], sizeof(float)), 0)
              << "result " << i << " with " << split.rows << " x " << split.columns << " a subgroup, " << split.parts
              << " of which share a row";
        }
      }
    }
  }
}

std::string NameOf(const testing::TestParamInfo<std::tuple<TensorType, RowOrder>>& param) {
  const auto [type, order] = param.param;
  return std::string(model::Traits(type).name) + (order == RowOrder::kInterleaved ? "_interleaved" : "");
}

INSTANTIATE_TEST_SUITE_P(
    EveryType, MatvecTest,
    testing::Combine(testing::Values(TensorType::kF32, TensorType::kF16, TensorType::kBF16, TensorType::kQ8_0,
                                     TensorType::kQ4_0, TensorType::kQ4_K, TensorType::kQ6_K),
                     testing::Values(RowOrder::kConsecutive, RowOrder::kInterleaved)),
    NameOf);

}  // namespace
}  // namespace hekla::engine
