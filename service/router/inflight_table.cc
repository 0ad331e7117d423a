#include "service/router/inflight_table.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "service/runtime/status.h"

namespace hekla::service {

absl::StatusOr<std::unique_ptr<InFlightTable::Entry>> InFlightTable::Add(
    const std::string& request_id, std::weak_ptr<InFlightRequest> request) {
  absl::MutexLock lock(&mutex_);
  if (!requests_.emplace(request_id, std::move(request)).second) {
    return WithMetadata(MakeError(absl::StatusCode::kAlreadyExists, v1::ERROR_REASON_DUPLICATE_REQUEST,
                                  absl::StrCat("request_id: '", request_id, "' is in flight already")),
                        "request_id", request_id);
  }
  return std::make_unique<Entry>(this, request_id);
}

void InFlightTable::Erase(const std::string& request_id) {
  absl::MutexLock lock(&mutex_);
  requests_.erase(request_id);
}

std::vector<std::shared_ptr<InFlightRequest>> InFlightTable::Requests() const {
  absl::MutexLock lock(&mutex_);
  std::vector<std::shared_ptr<InFlightRequest>> requests;
  for (const auto& [request_id, weak] : requests_) {
    if (std::shared_ptr<InFlightRequest> request = weak.lock()) requests.push_back(std::move(request));
  }
  return requests;
}

std::vector<v1::InFlight> InFlightTable::List() const {
  std::vector<v1::InFlight> list;
  for (const std::shared_ptr<InFlightRequest>& request : Requests()) list.push_back(request->State());
  std::sort(list.begin(), list.end(), [](const v1::InFlight& a, const v1::InFlight& b) {
    return std::make_tuple(a.arrived().seconds(), a.arrived().nanos(), a.request_id()) <
           std::make_tuple(b.arrived().seconds(), b.arrived().nanos(), b.request_id());
  });
  return list;
}

absl::Status InFlightTable::Cancel(const std::string& request_id, const absl::Status& why) {
  std::shared_ptr<InFlightRequest> request;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = requests_.find(request_id);
    if (found != requests_.end()) request = found->second.lock();
  }
  if (request == nullptr) {
    return MakeError(absl::StatusCode::kNotFound, v1::ERROR_REASON_UNKNOWN_REQUEST,
                     absl::StrCat("request_id: '", request_id, "' is not in flight"));
  }
  request->Cancel(why);
  return absl::OkStatus();
}

void InFlightTable::CancelAll(const absl::Status& why) {
  for (const std::shared_ptr<InFlightRequest>& request : Requests()) request->Cancel(why);
}

void InFlightTable::Tick(absl::Time now) {
  for (const std::shared_ptr<InFlightRequest>& request : Requests()) request->Tick(now);
}

int InFlightTable::size() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int>(requests_.size());
}

}  // namespace hekla::service
