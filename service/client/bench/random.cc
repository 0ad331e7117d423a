#include "service/client/bench/random.h"

#include <cmath>
#include <numbers>

namespace hekla::bench {
namespace {

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

constexpr uint64_t kGamma = 0x9e3779b97f4a7c15u;

}  // namespace

Random::Random(uint64_t seed, uint64_t stream) : state_(Mix(Mix(seed + kGamma) ^ (stream + 1) * kGamma)) {}

uint64_t Random::Bits() { return Mix(state_ += kGamma); }

double Random::Uniform() { return (static_cast<double>(Bits() >> 11) + 1) * 0x1p-53; }

uint64_t Random::Below(uint64_t bound) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(Bits()) * bound) >> 64);
}

double Random::Exponential() { return -std::log(Uniform()); }

// Box and Muller's transform; the second number is thrown away.
double Random::Normal() {
  const double radius = std::sqrt(2 * Exponential());
  return radius * std::cos(2 * std::numbers::pi * Uniform());
}

bool Random::Chance(double probability) { return probability > 0 && Uniform() <= probability; }

}  // namespace hekla::bench
