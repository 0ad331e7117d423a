// The figures of a run, put together from its requests as they end. Not thread-safe.
//
//   TTFT   from the intended start to the first token
//   ITL    between consecutive messages with tokens
//   TPOT   (last token - first token) / (tokens - 1), of requests with two tokens or more
//   E2E    from the intended start to the end
//
// Planned cancels and failures count in none but TTFT; slow readers, which time themselves, in none.
#ifndef HEKLA_SERVICE_CLIENT_BENCH_SUMMARY_H_
#define HEKLA_SERVICE_CLIENT_BENCH_SUMMARY_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "service/client/bench/latency_histogram.h"
#include "service/client/bench/request_record.h"
#include "service/client/bench/timeline.h"

namespace hekla::bench {

// What a request must keep to be of use to its user; infinite: anything.
struct Objectives {
  absl::Duration first_token = absl::InfiniteDuration();
  absl::Duration per_token = absl::InfiniteDuration();  // TPOT
  absl::Duration whole = absl::InfiniteDuration();      // E2E
  bool IsGiven() const;
};

class Summary {
 public:
  Summary(absl::Time begin, const Objectives& objectives) : objectives_(objectives), timeline_(begin) {}

  void Add(const RequestRecord& record);

  uint64_t requests = 0;    // that ended, in whatever way
  uint64_t completed = 0;   // OK
  uint64_t cancelled = 0;   // as planned
  uint64_t failed = 0;      // the rest
  uint64_t slow = 0;        // of all, those read slowly
  uint64_t attempts = 0;    // more than `requests` when some were tried again
  uint64_t good = 0;        // completed within the objectives
  uint64_t prompt_tokens = 0, output_tokens = 0, messages = 0;
  uint64_t skipped_tokens = 0, repeated_tokens = 0;  // must be 0
  uint64_t resumed = 0;                              // streams that went on at another worker
  std::map<std::string, uint64_t> errors;            // "RESOURCE_EXHAUSTED (QUEUE_FULL)" -> how many
  LatencyHistogram first_token, between_tokens, per_token, whole;
  LatencyHistogram start_delay;  // how late this program sent its requests
  LatencyHistogram refusal;      // from sending to RESOURCE_EXHAUSTED before any token

  const Objectives& objectives() const { return objectives_; }
  const Timeline& timeline() const { return timeline_; }
  // Every token came exactly once.
  bool IsExact() const { return skipped_tokens == 0 && repeated_tokens == 0; }

 private:
  void AddLatencies(const RequestRecord& record);

  const Objectives objectives_;
  Timeline timeline_;
};

// "UNAVAILABLE (NO_WORKER)", without the message.
std::string ErrorClass(const absl::Status& status);

}  // namespace hekla::bench

#endif  // HEKLA_SERVICE_CLIENT_BENCH_SUMMARY_H_
