// Weights for tests: random blocks of any type.
#ifndef HEKLA_TESTS_SUPPORT_MODEL_RANDOM_TENSOR_H_
#define HEKLA_TESTS_SUPPORT_MODEL_RANDOM_TENSOR_H_

#include <cstdint>
#include <random>
#include <string>

#include "worker/model/gguf.h"

namespace hekla::test {

// `weights` weights of about -0.1 .. 0.1 as GGUF stores them; every f16 scale is small and finite. `weights`
// is a multiple of the type's block.
std::string RandomTensor(model::TensorType type, uint64_t weights, std::mt19937* random);

}  // namespace hekla::test

#endif  // HEKLA_TESTS_SUPPORT_MODEL_RANDOM_TENSOR_H_
