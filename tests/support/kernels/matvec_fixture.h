// A random matrix on the device, activations for it, and their products in float64: what the tests of the matvec
// kernels share. The kernels differ in their epilogues alone.
#ifndef HEKLA_TESTS_SUPPORT_KERNELS_MATVEC_FIXTURE_H_
#define HEKLA_TESTS_SUPPORT_KERNELS_MATVEC_FIXTURE_H_

#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "tests/support/kernels/kernel_fixture.h"
#include "worker/engine/device_weights.h"

namespace hekla::test {

inline constexpr uint32_t kMatvecMaxRows = 16;  // tokens of a step that there is room for

struct MatvecShape {
  uint32_t rows, columns, live;  // of the matrix; tokens
};
// Of a subgroup: rows (times the subgroup's lanes where rows are interleaved) and tokens. Subgroups of a workgroup.
struct MatvecSplit {
  uint32_t rows, columns, subgroups;
  uint32_t parts = 1;  // subgroups that share a row; where rows are interleaved there is only 1
};
using MatvecVariant = std::tuple<model::TensorType, engine::RowOrder>;

class MatvecFixture : public KernelFixture, public testing::WithParamInterface<MatvecVariant> {
 protected:
  static model::TensorType type() { return std::get<0>(GetParam()); }
  static bool interleaved() { return std::get<1>(GetParam()) == engine::RowOrder::kInterleaved; }
  kernels::Quant quant() const { return engine::QuantOf(type()); }
  uint32_t chunk() const { return ActivationChunk(std::get<1>(GetParam()), subgroup()); }

  void SetUp() override;

  // Random weights and activations; tokens past the live ones are NaN. `partials` > 0: the input is normed.
  void Fill(const MatvecShape& shape, uint32_t partials, uint32_t seed);

  vulkan::Specialization Specialize(const MatvecSplit& split) const;
  kernels::MatvecParams Params() const;
  uint32_t RowsOfWorkgroup(const MatvecSplit& split) const;
  vulkan::Grid GridOf(const MatvecSplit& split) const;

  // W x / rms of (token, row), and how far a float32 sum in any order may be from it.
  double product(uint32_t token, uint32_t row) const { return products_[token * shape_.rows + row]; }
  double tolerance(uint32_t token, uint32_t row) const { return tolerances_[token * shape_.rows + row]; }

  // A binding that the kernel does not use.
  BufferRange Nothing() { return Buffer(16); }

  MatvecShape shape_{};
  BufferRange weights_buffer_, activations_, partials_;

 private:
  void Multiply(const std::vector<const uint8_t*>& rows, const std::vector<float>& x);
  void AddNorm(uint32_t partials, uint32_t seed);

  std::unique_ptr<vulkan::Uploader> uploader_;
  std::unique_ptr<engine::DeviceWeights> weights_;
  engine::DeviceMatrix matrix_;
  uint32_t partial_count_ = 0, partial_stride_ = 0;
  std::vector<double> products_, tolerances_;
};

// Every type in both orders, and the name of such a variant.
inline auto EveryMatvecVariant() {
  using model::TensorType;
  return testing::Combine(
      testing::Values(TensorType::kF32, TensorType::kF16, TensorType::kBF16, TensorType::kQ8_0, TensorType::kQ4_0,
                      TensorType::kQ4_K, TensorType::kQ6_K),
      testing::Values(engine::RowOrder::kConsecutive, engine::RowOrder::kInterleaved));
}
std::string NameOfMatvecVariant(const testing::TestParamInfo<MatvecVariant>& variant);

// Columns that are no multiple of what a subgroup takes: 9 units or so, the last one short where the type allows.
uint32_t AwkwardColumns(model::TensorType type);

}  // namespace hekla::test

#endif  // HEKLA_TESTS_SUPPORT_KERNELS_MATVEC_FIXTURE_H_
