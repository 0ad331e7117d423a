#include "worker/schedule/philox.h"

#include <gtest/gtest.h>

namespace hekla::schedule {
namespace {

using Words = std::array<uint32_t, 4>;

// The known answers published with the generator (Random123, kat_vectors, philox4x32 10).
TEST(PhiloxTest, KnownAnswers) {
  EXPECT_EQ(Philox4x32({0, 0}, {0, 0, 0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox4x32({~0u, ~0u}, {~0u, ~0u, ~0u, ~0u}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0xa4093822, 0x299f31d0}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(PhiloxTest, DrawBitsUsesEveryArgument) {
  const uint32_t bits = DrawBits(1, 2, 3);
  EXPECT_EQ(bits, Philox4x32({1, 0}, {3, 2, 0, 0})[0]);
  EXPECT_NE(bits, DrawBits(1 + (uint64_t{1} << 32), 2, 3));
  EXPECT_NE(bits, DrawBits(1, 3, 3));
  EXPECT_NE(bits, DrawBits(1, 2, 4));
}

}  // namespace
}  // namespace hekla::schedule
