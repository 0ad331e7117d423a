// A run over time: counts and latencies a slice. A slice is a second; when there are too many, neighbours are
// put together, so that a run may take any time. Not thread-safe.
#ifndef HEKLA_SERVICE_CLIENT_BENCH_TIMELINE_H_
#define HEKLA_SERVICE_CLIENT_BENCH_TIMELINE_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "service/client/bench/latency_histogram.h"
#include "service/client/bench/request_record.h"

namespace hekla::bench {

struct TimeSlice {
  uint64_t due = 0;        // requests whose intended time is in it
  uint64_t completed = 0;  // that ended well
  uint64_t failed = 0;
  uint64_t tokens = 0;  // that came
  LatencyHistogram first_token, between_tokens;
};

class Timeline {
 public:
  explicit Timeline(absl::Time begin, size_t most_slices = 240) : begin_(begin), most_slices_(most_slices) {}

  void Add(const RequestRecord& record);
  const std::vector<TimeSlice>& slices() const { return slices_; }
  absl::Duration slice_length() const { return slice_length_; }

 private:
  TimeSlice& At(absl::Time time);
  void Fold();

  const absl::Time begin_;
  const size_t most_slices_;
  absl::Duration slice_length_ = absl::Seconds(1);
  std::vector<TimeSlice> slices_;
};

}  // namespace hekla::bench

#endif  // HEKLA_SERVICE_CLIENT_BENCH_TIMELINE_H_
