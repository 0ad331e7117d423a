#include "service/client/bench/load_stream.h"

#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "service/runtime/status.h"

namespace hekla::bench {
namespace {

// FNV-1a, 64 bits.
constexpr uint64_t kHashFactor = 0x100000001b3u;
uint64_t Hash(uint64_t hash, absl::string_view bytes) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * kHashFactor;
  return hash;
}

}  // namespace

LoadStream::LoadStream(PlannedRequest plan, RequestRecord record, Owner* owner)
    : plan_(std::move(plan)), record_(std::move(record)), owner_(owner) {
  ++record_.attempts;
  record_.slow = plan_.slow;
  record_.output_hash = 0;
  record_.arrivals.clear();
  record_.messages = record_.tokens = record_.prompt_tokens = record_.resumed_times = 0;
}

void LoadStream::Start(v1::Inference::Stub& stub, absl::Time deadline) {
  if (deadline < absl::InfiniteFuture()) context_.set_deadline(absl::ToChronoTime(deadline));
  stub.async()->Generate(&context_, &plan_.request, this);
  if (plan_.slow) AddHold();  // while it pauses no operation is under way
  const bool cancel_at_once = plan_.cancel_after == 0u;
  cancelled_as_planned_ = cancel_at_once;
  if (cancel_at_once) AddHold();  // or it could end, and go, before the lines below
  StartRead(&response_);
  StartCall();
  if (!cancel_at_once) return;
  context_.TryCancel();
  RemoveHold();
}

void LoadStream::Take(const v1::Delta& delta) {
  offsets_.Take(delta.token_offset(), delta.token_count());
  // Apart from each other: how tokens are put into deltas must not matter.
  text_hash_ = Hash(text_hash_, delta.text());
  for (const uint32_t id : delta.token_ids()) ids_hash_ = (ids_hash_ ^ id) * kHashFactor;
  if (delta.token_count() == 0) return;
  record_.tokens += delta.token_count();
  const int64_t after_us = absl::ToInt64Microseconds(absl::Now() - record_.intended);
  record_.arrivals.push_back({static_cast<uint32_t>(after_us), delta.token_count()});
  owner_->OnTokens(delta.token_count());
}

void LoadStream::OnReadDone(bool ok) {
  if (!ok) {
    if (plan_.slow) RemoveHold();
    return;
  }
  ++record_.messages;
  if (response_.has_started()) record_.prompt_tokens = response_.started().prompt_tokens();
  if (response_.has_delta()) Take(response_.delta());
  if (response_.has_finished()) {
    finished_ = true;
    record_.resumed_times = response_.finished().usage().resumed_times();
    offsets_.End(response_.finished().usage().output_tokens());
  }
  if (plan_.cancel_after.has_value() && record_.tokens >= *plan_.cancel_after && !cancelled_as_planned_) {
    cancelled_as_planned_ = true;
    context_.TryCancel();
  }
  if (plan_.slow) {
    owner_->OnPause(this);
  } else {
    StartRead(&response_);
  }
}

void LoadStream::OnDone(const grpc::Status& status) {
  record_.ended = absl::Now();
  record_.status = service::FromGrpc(status);
  if (status.ok() && !finished_) {
    record_.status = absl::DataLossError("the stream ended well, but without Finished");
  }
  record_.cancelled = cancelled_as_planned_ && absl::IsCancelled(record_.status);
  record_.output_hash = text_hash_ * kHashFactor ^ ids_hash_;
  record_.skipped += offsets_.skipped();
  record_.repeated += offsets_.repeated();
  owner_->OnEnded(this, std::move(record_));
  delete this;
}

}  // namespace hekla::bench
