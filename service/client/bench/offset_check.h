// Do the tokens of a stream come each exactly once? Fed with the offsets of its deltas. Not thread-safe.
#ifndef HEKLA_SERVICE_CLIENT_BENCH_OFFSET_CHECK_H_
#define HEKLA_SERVICE_CLIENT_BENCH_OFFSET_CHECK_H_

#include <algorithm>
#include <cstdint>

namespace hekla::bench {

class OffsetCheck {
 public:
  // Tokens offset .. offset + count - 1 came.
  void Take(uint32_t offset, uint32_t count) {
    if (offset > next_) skipped_ += offset - next_;
    if (offset < next_) repeated_ += std::min(count, next_ - offset);
    next_ = std::max(next_, offset + count);
  }
  // The server says that the stream had so many.
  void End(uint32_t tokens) {
    if (tokens > next_) skipped_ += tokens - next_;
    if (tokens < next_) repeated_ += next_ - tokens;
  }
  uint32_t next() const { return next_; }  // the offset that is due
  uint32_t skipped() const { return skipped_; }
  uint32_t repeated() const { return repeated_; }

 private:
  uint32_t next_ = 0, skipped_ = 0, repeated_ = 0;
};

}  // namespace hekla::bench

#endif  // HEKLA_SERVICE_CLIENT_BENCH_OFFSET_CHECK_H_
