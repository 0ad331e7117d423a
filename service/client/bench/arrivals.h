// When the requests of an open loop come: at times that do not depend on how fast they are answered. A slow
// server is thereby measured as its users would feel it (no "coordinated omission"). Not thread-safe.
#ifndef HEKLA_SERVICE_CLIENT_BENCH_ARRIVALS_H_
#define HEKLA_SERVICE_CLIENT_BENCH_ARRIVALS_H_

#include <cstdint>

#include "absl/time/time.h"
#include "service/client/bench/random.h"

namespace hekla::bench {

enum class ArrivalKind {
  kConstant,  // one every 1 / rate seconds
  kPoisson,   // independent of each other: waits are exponential
};

class Arrivals {
 public:
  // `rate` > 0, requests a second.
  Arrivals(ArrivalKind kind, double rate, uint64_t seed) : kind_(kind), rate_(rate), random_(seed) {}

  // The next request's time since the start. The first of kConstant is 0; never goes back.
  absl::Duration Next();

 private:
  const ArrivalKind kind_;
  const double rate_;
  Random random_;
  uint64_t count_ = 0;
  double seconds_ = 0;
};

}  // namespace hekla::bench

#endif  // HEKLA_SERVICE_CLIENT_BENCH_ARRIVALS_H_
