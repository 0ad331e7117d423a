// Philox4x32-10, the counter-based random generator of every sampler: the output depends on key and counter
// alone.
//
// Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), with their
// constants.
#ifndef HEKLA_WORKER_SCHEDULE_PHILOX_H_
#define HEKLA_WORKER_SCHEDULE_PHILOX_H_

#include <array>
#include <cstdint>

namespace hekla::schedule {

inline std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 2> key, std::array<uint32_t, 4> counter) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * counter[0];
    const uint64_t b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {uint32_t(b >> 32) ^ counter[1] ^ key[0], uint32_t(b), uint32_t(a >> 32) ^ counter[3] ^ key[1],
               uint32_t(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

// The 32 random bits that draw the token at index `position` of the sequence.
inline uint32_t DrawBits(uint64_t seed, uint32_t sample_index, uint32_t position) {
  return Philox4x32({uint32_t(seed), uint32_t(seed >> 32)}, {position, sample_index, 0, 0})[0];
}

}  // namespace hekla::schedule

#endif  // HEKLA_WORKER_SCHEDULE_PHILOX_H_
