// Random numbers of a load: the same on every machine, so that a seed names a load. Not thread-safe.
#ifndef HEKLA_SERVICE_CLIENT_BENCH_RANDOM_H_
#define HEKLA_SERVICE_CLIENT_BENCH_RANDOM_H_

#include <cstdint>

namespace hekla::bench {

class Random {
 public:
  // Stream `stream` of `seed`: requests draw from streams of their own and do not depend on each other.
  explicit Random(uint64_t seed, uint64_t stream = 0);

  uint64_t Bits();
  double Uniform();                // (0, 1]
  uint64_t Below(uint64_t bound);  // 0 .. bound - 1; bound >= 1
  double Exponential();            // mean 1
  double Normal();                 // mean 0, deviation 1
  bool Chance(double probability);

 private:
  uint64_t state_;
};

}  // namespace hekla::bench

#endif  // HEKLA_SERVICE_CLIENT_BENCH_RANDOM_H_
