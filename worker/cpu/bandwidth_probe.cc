#include "worker/cpu/bandwidth_probe.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "absl/time/clock.h"
#include "worker/cpu/thread_pool.h"

namespace hekla::cpu {
namespace {

constexpr int kRounds = 5;
constexpr int kPieceWords = 1 << 17;   // of 8 bytes

}  // namespace

double MeasureReadBandwidth(uint64_t bytes, int threads) {
  const int words = static_cast<int>(std::clamp<uint64_t>(bytes / 8, 1, 1 << 30));
  const std::vector<uint64_t> source(words, 1);
  ThreadPool pool(threads);
  std::atomic<uint64_t> kept{0};   // so that the reads stay
  absl::Duration best = absl::InfiniteDuration();
  for (int round = 0; round < kRounds; ++round) {
    const absl::Time begin = absl::Now();
    pool.ParallelFor(words, kPieceWords, [&](int first, int end) {
      uint64_t sums[8] = {};
      int i = first;
      for (; i + 8 <= end; i += 8) {
        for (int j = 0; j < 8; ++j) sums[j] += source[i + j];
      }
      for (; i < end; ++i) sums[0] += source[i];
      for (const uint64_t sum : sums) kept += sum;
    });
    best = std::min(best, absl::Now() - begin);
  }
  return 8.0 * words / std::max(absl::ToDoubleSeconds(best), 1e-9);
}

}  // namespace hekla::cpu
