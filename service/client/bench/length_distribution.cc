#include "service/client/bench/length_distribution.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "worker/base/status_macros.h"

namespace hekla::bench {
namespace {

constexpr uint32_t kLongest = 1 << 20;
constexpr double kWidestSigma = 10;

absl::StatusOr<uint32_t> ParseLength(absl::string_view text) {
  uint32_t length = 0;
  if (absl::SimpleAtoi(text, &length) && length >= 1 && length <= kLongest) return length;
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not a number of tokens in 1 .. ", kLongest));
}

}  // namespace

LengthDistribution LengthDistribution::Constant(uint32_t tokens) {
  return LengthDistribution(Kind::kConstant, tokens, tokens, 0, absl::StrCat(tokens));
}

absl::StatusOr<LengthDistribution> LengthDistribution::Parse(absl::string_view text) {
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "uniform:")) {
    const std::vector<absl::string_view> parts = absl::StrSplit(rest, ',');
    if (parts.size() != 2)
      return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not uniform:LOW,HIGH"));
    HEKLA_ASSIGN_OR_RETURN(const uint32_t low, ParseLength(parts[0]));
    HEKLA_ASSIGN_OR_RETURN(const uint32_t high, ParseLength(parts[1]));
    if (low > high) return absl::InvalidArgumentError(absl::StrCat("'", text, "': ", low, " is above ", high));
    return LengthDistribution(Kind::kUniform, low, high, 0, std::string(text));
  }
  if (absl::ConsumePrefix(&rest, "lognormal:")) {
    const std::vector<absl::string_view> parts = absl::StrSplit(rest, ',');
    double sigma = 0;
    if (parts.size() != 3 || !absl::SimpleAtod(parts[1], &sigma) || !(sigma >= 0 && sigma <= kWidestSigma)) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", text, "' is not lognormal:MEDIAN,SIGMA,MAX with SIGMA in [0, ", kWidestSigma, "]"));
    }
    HEKLA_ASSIGN_OR_RETURN(const uint32_t median, ParseLength(parts[0]));
    HEKLA_ASSIGN_OR_RETURN(const uint32_t most, ParseLength(parts[2]));
    if (median > most)
      return absl::InvalidArgumentError(absl::StrCat("'", text, "': ", median, " is above ", most));
    return LengthDistribution(Kind::kLogNormal, median, most, sigma, std::string(text));
  }
  HEKLA_ASSIGN_OR_RETURN(const uint32_t tokens, ParseLength(text));
  return Constant(tokens);
}

uint32_t LengthDistribution::Draw(Random& random) const {
  if (kind_ == Kind::kConstant) return low_;
  if (kind_ == Kind::kUniform) return low_ + static_cast<uint32_t>(random.Below(high_ - low_ + 1));
  const double length = std::round(low_ * std::exp(sigma_ * random.Normal()));
  return static_cast<uint32_t>(std::clamp(length, 1.0, static_cast<double>(high_)));
}

}  // namespace hekla::bench
