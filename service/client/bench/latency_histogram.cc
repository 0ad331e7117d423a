#include "service/client/bench/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace hekla::bench {
namespace {

constexpr int kHalf = 128;  // buckets a power of two

// Values below 2 * kHalf have a bucket each; then every power of two has kHalf of them.
size_t BucketOf(int64_t us) {
  const auto value = static_cast<uint64_t>(us);
  if (value < 2 * kHalf) return value;
  const int shift = std::bit_width(value) - std::bit_width<uint64_t>(2 * kHalf - 1);
  return static_cast<size_t>(shift) * kHalf + (value >> shift);
}

int64_t MiddleOf(size_t bucket) {
  if (bucket < 2 * kHalf) return static_cast<int64_t>(bucket);
  const size_t shift = bucket / kHalf - 1;
  const int64_t first = static_cast<int64_t>(bucket - shift * kHalf) << shift;
  return first + ((int64_t{1} << shift) - 1) / 2;
}

}  // namespace

void LatencyHistogram::Add(absl::Duration sample) {
  const int64_t us = std::max<int64_t>(0, absl::ToInt64Microseconds(sample));
  const size_t bucket = BucketOf(us);
  if (bucket >= buckets_.size()) buckets_.resize(bucket + 1);
  ++buckets_[bucket];
  min_us_ = count_ == 0 ? us : std::min(min_us_, us);
  max_us_ = std::max(max_us_, us);
  sum_us_ += us;
  ++count_;
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  if (other.count_ == 0) return;
  if (other.buckets_.size() > buckets_.size()) buckets_.resize(other.buckets_.size());
  for (size_t i = 0; i < other.buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  min_us_ = count_ == 0 ? other.min_us_ : std::min(min_us_, other.min_us_);
  max_us_ = std::max(max_us_, other.max_us_);
  sum_us_ += other.sum_us_;
  count_ += other.count_;
}

absl::Duration LatencyHistogram::Quantile(double q) const {
  if (count_ == 0) return absl::ZeroDuration();
  const auto rank = static_cast<uint64_t>(std::ceil(q * static_cast<double>(count_)));
  if (rank <= 1) return Min();
  if (rank >= count_) return Max();
  uint64_t seen = 0;
  size_t bucket = 0;
  while ((seen += buckets_[bucket]) < rank) ++bucket;
  return absl::Microseconds(std::clamp(MiddleOf(bucket), min_us_, max_us_));
}

absl::Duration LatencyHistogram::Mean() const {
  if (count_ == 0) return absl::ZeroDuration();
  return absl::Microseconds(static_cast<double>(sum_us_) / static_cast<double>(count_));
}

std::vector<LatencyHistogram::CdfPoint> LatencyHistogram::Cdf(size_t most) const {
  std::vector<CdfPoint> points;
  if (count_ == 0) return points;
  const uint64_t step = std::max<uint64_t>(1, count_ / std::max<size_t>(1, most));
  uint64_t seen = 0, shown = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    if (buckets_[i] == 0) continue;
    seen += buckets_[i];
    if (!points.empty() && seen - shown < step && seen < count_) continue;
    shown = seen;
    points.push_back({1e-6 * static_cast<double>(std::clamp(MiddleOf(i), min_us_, max_us_)),
                      static_cast<double>(seen) / static_cast<double>(count_)});
  }
  points.back().seconds = 1e-6 * static_cast<double>(max_us_);
  return points;
}

}  // namespace hekla::bench
