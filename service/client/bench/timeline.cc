#include "service/client/bench/timeline.h"

#include <algorithm>

namespace hekla::bench {
namespace {

void Merge(const TimeSlice& from, TimeSlice* into) {
  into->due += from.due;
  into->completed += from.completed;
  into->failed += from.failed;
  into->tokens += from.tokens;
  into->first_token.Merge(from.first_token);
  into->between_tokens.Merge(from.between_tokens);
}

}  // namespace

void Timeline::Fold() {
  for (size_t i = 0; i < slices_.size(); i += 2) {
    TimeSlice both = std::move(slices_[i]);
    if (i + 1 < slices_.size()) Merge(slices_[i + 1], &both);
    slices_[i / 2] = std::move(both);
  }
  slices_.resize((slices_.size() + 1) / 2);
  slice_length_ *= 2;
}

TimeSlice& Timeline::At(absl::Time time) {
  const absl::Duration since = std::max(absl::ZeroDuration(), time - begin_);
  while (since >= slice_length_ * static_cast<int64_t>(most_slices_)) Fold();
  const auto index = static_cast<size_t>(absl::FDivDuration(since, slice_length_));
  if (index >= slices_.size()) slices_.resize(index + 1);
  return slices_[index];
}

void Timeline::Add(const RequestRecord& record) {
  ++At(record.intended).due;
  if (record.IsComplete()) ++At(record.ended).completed;
  if (!record.status.ok() && !record.cancelled) ++At(record.ended).failed;
  uint32_t before_us = 0;
  for (size_t i = 0; i < record.arrivals.size(); ++i) {
    const RequestRecord::Arrival& arrival = record.arrivals[i];
    TimeSlice& slice = At(record.intended + absl::Microseconds(arrival.after_us));
    slice.tokens += arrival.tokens;
    if (i == 0) slice.first_token.Add(absl::Microseconds(arrival.after_us));
    if (i > 0 && !record.slow) slice.between_tokens.Add(absl::Microseconds(arrival.after_us - before_us));
    before_us = arrival.after_us;
  }
}

}  // namespace hekla::bench
