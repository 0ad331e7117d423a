#include "tests/support/model/random_tensor.h"

namespace hekla::test {

using model::TensorType;

std::string RandomTensor(TensorType type, uint64_t weights, std::mt19937* random) {
  std::uniform_real_distribution<float> values(-0.1f, 0.1f);
  std::string data;
  auto half = [&](float value) {
    const uint16_t bits = model::FloatToHalf(value);
    data.append(reinterpret_cast<const char*>(&bits), sizeof(bits));
  };
  auto bytes = [&](int count) {
    for (int i = 0; i < count; ++i) data.push_back(static_cast<char>((*random)() & 0xFF));
  };
  for (uint64_t i = 0; i < weights; i += model::Traits(type).block_weights) {
    const float value = values(*random);
    switch (type) {
      case TensorType::kF32:
        data.append(reinterpret_cast<const char*>(&value), sizeof(value));
        break;
      case TensorType::kF16:
        half(value);
        break;
      case TensorType::kBF16:
        data.append(reinterpret_cast<const char*>(&value) + 2, 2);
        break;
      case TensorType::kQ4_0:
        half(value / 8);
        bytes(16);
        break;
      case TensorType::kQ8_0:
        half(value / 128);
        bytes(32);
        break;
      case TensorType::kQ4_K:
        half(value / 512);
        half(value / 512);
        bytes(140);
        break;
      case TensorType::kQ6_K:
        bytes(208);
        half(value / 4096);
        break;
    }
  }
  return data;
}

}  // namespace hekla::test
