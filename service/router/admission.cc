#include "service/router/admission.h"

namespace hekla::service {

Admission::Place Admission::PlaceOf(const QueuedRequest& request) {
  return {request.arrived_us - request.priority * kHeadStartMicros, request.id};
}

bool Admission::Add(QueuedRequest request) {
  if (size() >= max_queued_) return false;
  AddBack(std::move(request));
  return true;
}

void Admission::AddBack(QueuedRequest request) {
  const uint64_t id = request.id;
  order_[request.model].insert(PlaceOf(request));
  expiry_.insert({request.expires_us, id});
  queued_tokens_ += request.prompt_tokens;
  requests_.emplace(id, std::move(request));
}

bool Admission::Remove(uint64_t id) {
  const auto found = requests_.find(id);
  if (found == requests_.end()) return false;
  const QueuedRequest& request = found->second;
  const auto of_model = order_.find(request.model);
  of_model->second.erase(PlaceOf(request));
  if (of_model->second.empty()) order_.erase(of_model);
  expiry_.erase({request.expires_us, id});
  queued_tokens_ -= request.prompt_tokens;
  requests_.erase(found);
  return true;
}

void Admission::Visit(const std::string& model,
                      const std::function<bool(const QueuedRequest&)>& visit) const {
  const auto of_model = order_.find(model);
  if (of_model == order_.end()) return;
  for (const Place& place : of_model->second) {
    if (!visit(requests_.at(place.second))) return;
  }
}

std::vector<std::string> Admission::Models() const {
  std::vector<std::string> models;
  for (const auto& [model, places] : order_) models.push_back(model);
  return models;
}

std::vector<uint64_t> Admission::TakeExpired(int64_t now_us) {
  std::vector<uint64_t> expired;
  while (!expiry_.empty() && expiry_.begin()->first <= now_us) {
    expired.push_back(expiry_.begin()->second);
    Remove(expired.back());
  }
  return expired;
}

}  // namespace hekla::service
