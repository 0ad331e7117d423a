#include "service/router/random_name.h"

#include <random>

#include "absl/strings/str_cat.h"

namespace hekla::service {

uint64_t RandomSeed() {
  thread_local std::mt19937_64 random{(static_cast<uint64_t>(std::random_device{}()) << 32) ^
                                      std::random_device{}()};
  return random();
}

std::string RandomName() { return absl::StrCat(absl::Hex(RandomSeed(), absl::kZeroPad16)); }

}  // namespace hekla::service
