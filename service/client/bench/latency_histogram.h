// Durations counted in buckets of 1/128 of their size: percentiles of any number of samples in a few KB, off by
// at most 0.4 % (whole microseconds below 256 us). Count, sum, smallest and largest are exact. Not
// thread-safe. The idea of the buckets is HdrHistogram's.
#ifndef HEKLA_SERVICE_CLIENT_BENCH_LATENCY_HISTOGRAM_H_
#define HEKLA_SERVICE_CLIENT_BENCH_LATENCY_HISTOGRAM_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace hekla::bench {

class LatencyHistogram {
 public:
  struct CdfPoint {
    double seconds;
    double share;  // of the samples that are not longer
  };

  void Add(absl::Duration sample);  // below zero counts as zero
  void Merge(const LatencyHistogram& other);

  uint64_t count() const { return count_; }
  // The smallest duration that the share `q` in [0, 1] of the samples does not exceed; zero without samples.
  absl::Duration Quantile(double q) const;
  absl::Duration Min() const { return absl::Microseconds(count_ == 0 ? 0 : min_us_); }
  absl::Duration Max() const { return absl::Microseconds(max_us_); }
  absl::Duration Mean() const;
  // Up to about `most` points from the smallest to the largest sample.
  std::vector<CdfPoint> Cdf(size_t most) const;

 private:
  std::vector<uint32_t> buckets_;
  uint64_t count_ = 0;
  int64_t sum_us_ = 0, min_us_ = 0, max_us_ = 0;
};

}  // namespace hekla::bench

#endif  // HEKLA_SERVICE_CLIENT_BENCH_LATENCY_HISTOGRAM_H_
