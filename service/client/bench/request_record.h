// What was seen of one request of a load.
#ifndef HEKLA_SERVICE_CLIENT_BENCH_REQUEST_RECORD_H_
#define HEKLA_SERVICE_CLIENT_BENCH_REQUEST_RECORD_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace hekla::bench {

struct RequestRecord {
  struct Arrival {
    uint32_t after_us;  // since `intended`, of a message with tokens
    uint32_t tokens;
  };

  uint64_t index = 0;    // in the workload
  absl::Time intended;   // when it was due: latencies count from here
  absl::Time started;    // when it was sent; later than `intended` if this program was late
  absl::Time ended;      // when its status came
  absl::Status status;   // of the last attempt
  uint32_t attempts = 0;
  bool cancelled = false;  // by this program, as planned
  bool slow = false;       // read slowly, as planned

  // Of the last attempt.
  std::vector<Arrival> arrivals;
  uint32_t messages = 0;  // of any kind
  uint32_t tokens = 0;
  uint32_t prompt_tokens = 0;
  uint32_t resumed_times = 0;
  // Of all attempts: tokens that did not come, and that came again.
  uint32_t skipped = 0, repeated = 0;
  uint64_t output_hash = 0;  // of the token ids and the text

  // OK and not cancelled: its latencies count.
  bool IsComplete() const { return status.ok() && !cancelled; }
};

}  // namespace hekla::bench

#endif  // HEKLA_SERVICE_CLIENT_BENCH_REQUEST_RECORD_H_
