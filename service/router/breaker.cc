#include "service/router/breaker.h"

#include <algorithm>

namespace hekla::service {
namespace {

// Faults that come this shortly before a death were caused by it.
constexpr absl::Duration kSameDeath = absl::Seconds(1);

}  // namespace

Breaker::State Breaker::StateAt(absl::Time now) const {
  if (!is_open_) return State::kClosed;
  return now >= opened_at_ + pause_ ? State::kHalfOpen : State::kOpen;
}

bool Breaker::Allows(absl::Time now) const {
  const State state = StateAt(now);
  return state == State::kClosed || (state == State::kHalfOpen && !probing_);
}

bool Breaker::Send(absl::Time now) {
  if (StateAt(now) != State::kHalfOpen || probing_) return false;
  probing_ = true;
  return true;
}

void Breaker::Released(bool was_probe) {
  if (was_probe) probing_ = false;
}

void Breaker::Succeeded(bool was_probe, absl::Time now) {
  Released(was_probe);
  if (!was_probe || StateAt(now) != State::kHalfOpen || ++successes_ < options_.successes) return;
  is_open_ = false;
  faults_.clear();
}

void Breaker::Failed(bool was_probe, absl::Time now) {
  Released(was_probe);
  if (!is_open_) return Count(now);
  // What was sent before it opened says nothing new.
  if (was_probe) Open(now, /*by_faults=*/false);
}

void Breaker::Count(absl::Time now) {
  while (!faults_.empty() && faults_.front() <= now - options_.window) faults_.pop_front();
  faults_.push_back(now);
  if (static_cast<int>(faults_.size()) >= options_.faults) Open(now, /*by_faults=*/true);
}

void Breaker::Open(absl::Time now, bool by_faults) {
  pause_ = is_open_ ? std::min(2 * pause_, options_.longest_pause) : options_.first_pause;
  is_open_ = true;
  by_faults_ = by_faults;
  opened_at_ = now;
  successes_ = 0;
}

void Breaker::Wedged(absl::Time now) {
  if (StateAt(now) != State::kOpen) Open(now, /*by_faults=*/false);
}

void Breaker::Died(absl::Time now) {
  probing_ = false;
  const bool opened_by_it = is_open_ && by_faults_ && opened_at_ > now - kSameDeath;
  while (!faults_.empty() && faults_.back() > now - kSameDeath) faults_.pop_back();
  if (opened_by_it && static_cast<int>(faults_.size()) < options_.faults) is_open_ = false;
  if (!is_open_) return Count(now);
  if (StateAt(now) == State::kHalfOpen) Open(now, /*by_faults=*/false);
}

const char* BreakerStateName(Breaker::State state) {
  switch (state) {
    case Breaker::State::kClosed:
      return "closed";
    case Breaker::State::kOpen:
      return "open";
    case Breaker::State::kHalfOpen:
      return "half_open";
  }
  return "";
}

}  // namespace hekla::service
