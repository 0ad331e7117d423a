#include "worker/cpu/bandwidth_probe.h"

#include <gtest/gtest.h>

namespace hekla::cpu {
namespace {

// Between what a tape reads and what no memory does: a wrong unit or a loop that was optimised away would be outside.
TEST(BandwidthProbeTest, IsPlausibleForAnySizeAndThreads) {
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{1000}, uint64_t{64} << 20}) {
    for (const int threads : {1, 3}) {
      const double got = MeasureReadBandwidth(bytes, threads);
      EXPECT_GT(got, bytes < 4096 ? 0 : 1e6) << bytes << " bytes, " << threads << " threads";
      EXPECT_LT(got, 1e14) << bytes << " bytes, " << threads << " threads";
    }
  }
}

}  // namespace
}  // namespace hekla::cpu
