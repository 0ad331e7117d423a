// How long prompts and outputs are, in tokens. Immutable, thread-safe.
//
//   128                       always so many
//   uniform:LOW,HIGH          each length from LOW to HIGH alike
//   lognormal:MEDIAN,SIGMA,MAX   as lengths of real prompts are: many short, few long; above MAX it is MAX
#ifndef HEKLA_SERVICE_CLIENT_BENCH_LENGTH_DISTRIBUTION_H_
#define HEKLA_SERVICE_CLIENT_BENCH_LENGTH_DISTRIBUTION_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "service/client/bench/random.h"

namespace hekla::bench {

class LengthDistribution {
 public:
  static LengthDistribution Constant(uint32_t tokens);
  // INVALID_ARGUMENT: not one of the forms; a length outside 1 .. 1048576; SIGMA outside [0, 10].
  static absl::StatusOr<LengthDistribution> Parse(absl::string_view text);

  uint32_t Draw(Random& random) const;
  uint32_t longest() const { return high_; }
  const std::string& text() const { return text_; }

 private:
  enum class Kind { kConstant, kUniform, kLogNormal };
  LengthDistribution(Kind kind, uint32_t low, uint32_t high, double sigma, std::string text)
      : kind_(kind), low_(low), high_(high), sigma_(sigma), text_(std::move(text)) {}

  Kind kind_;
  uint32_t low_;  // of kLogNormal: the median
  uint32_t high_;
  double sigma_;
  std::string text_;
};

}  // namespace hekla::bench

#endif  // HEKLA_SERVICE_CLIENT_BENCH_LENGTH_DISTRIBUTION_H_
