#include "service/client/bench/arrivals.h"

namespace hekla::bench {

absl::Duration Arrivals::Next() {
  if (kind_ == ArrivalKind::kConstant) {
    seconds_ = static_cast<double>(count_++) / rate_;  // not a sum: errors would add up
  } else {
    seconds_ += random_.Exponential() / rate_;
  }
  return absl::Seconds(seconds_);
}

}  // namespace hekla::bench
