#include "service/router/admission.h"

#include <algorithm>

namespace hekla::service {
namespace {

// Tenants without requests that are remembered for each model, and models without requests.
constexpr size_t kMaxIdleTenants = 256;
constexpr size_t kMaxIdleModels = 64;

}  // namespace

Admission::Place Admission::PlaceOf(const QueuedRequest& request) {
  return {request.arrived_us - request.priority * kHeadStartMicros, request.id};
}

void Admission::Count(const std::string& tenant, int change) {
  int& count = counts_[tenant];
  by_count_.erase({count, tenant});
  count += change;
  if (count > 0) {
    by_count_.insert({count, tenant});
  } else {
    counts_.erase(tenant);
  }
}

std::optional<uint64_t> Admission::LastOf(const std::string& tenant) const {
  const Place* last = nullptr;
  for (const auto& [name, model] : models_) {
    const auto queue = model.tenants.find(tenant);
    if (queue == model.tenants.end()) continue;
    for (auto place = queue->second.order.rbegin(); place != queue->second.order.rend(); ++place) {
      if (requests_.at(place->second).is_back) continue;
      if (last == nullptr || *last < *place) last = &*place;
      break;
    }
  }
  if (last == nullptr) return std::nullopt;
  return last->second;
}

bool Admission::Add(QueuedRequest request, std::optional<uint64_t>* pushed_out) {
  pushed_out->reset();
  if (size() >= max_queued_) {
    const auto own = counts_.find(request.tenant);
    const int own_count = own == counts_.end() ? 0 : own->second;
    const auto most = by_count_.rbegin();
    if (most == by_count_.rend() || most->first <= own_count + 1) return false;
    *pushed_out = LastOf(most->second);
    if (!pushed_out->has_value()) return false;
    Remove(**pushed_out);
  }
  Insert(std::move(request));
  return true;
}

void Admission::AddBack(QueuedRequest request) {
  request.is_back = true;
  request.cost = 0;
  Insert(std::move(request));
}

void Admission::Insert(QueuedRequest request) {
  const uint64_t id = request.id;
  if (models_.size() > kMaxIdleModels) {
    std::erase_if(models_, [](const auto& each) { return each.second.size == 0; });
  }
  ModelQueue& model = models_[request.model];
  const auto [tenant, is_new] = model.tenants.try_emplace(request.tenant);
  TenantQueue& queue = tenant->second;
  if (is_new) queue.turn = model.ring.insert(model.ring.end(), request.tenant);
  const bool pays = queue.order.empty() && !queue.has_quantum && queue.deficit >= request.cost;
  if (pays) {
    model.first.splice(model.first.end(), model.ring, queue.turn);
    queue.goes_first = queue.has_quantum = true;
  }
  queue.order.insert(PlaceOf(request));
  ++model.size;
  expiry_.insert({request.expires_us, id});
  queued_tokens_ += request.prompt_tokens;
  Count(request.tenant, 1);
  requests_.emplace(id, std::move(request));
}

bool Admission::Remove(uint64_t id) {
  const auto found = requests_.find(id);
  if (found == requests_.end()) return false;
  const QueuedRequest& request = found->second;
  const auto model = models_.find(request.model);
  const auto tenant = model->second.tenants.find(request.tenant);
  tenant->second.order.erase(PlaceOf(request));
  if (tenant->second.order.empty()) tenant->second.deficit = std::min(tenant->second.deficit, kMaxCredit);
  --model->second.size;
  expiry_.erase({request.expires_us, id});
  queued_tokens_ -= request.prompt_tokens;
  Count(request.tenant, -1);
  requests_.erase(found);
  return true;
}

const Admission::Place* Admission::NextOf(const ModelQueue& queue, const std::string& tenant,
                                          const Skipped& skipped) {
  const std::set<Place>& order = queue.tenants.at(tenant).order;
  const auto last = skipped.find(tenant);
  const auto next = last == skipped.end() ? order.begin() : order.upper_bound(last->second);
  return next == order.end() ? nullptr : &*next;
}

const std::string& Admission::FirstOf(const ModelQueue& queue) {
  return queue.first.empty() ? queue.ring.front() : queue.first.front();
}

void Admission::PassTurn(ModelQueue* queue) {
  const auto found = queue->tenants.find(FirstOf(*queue));
  TenantQueue& tenant = found->second;
  queue->ring.splice(queue->ring.end(), tenant.goes_first ? queue->first : queue->ring, tenant.turn);
  tenant.goes_first = tenant.has_quantum = false;
  if (!tenant.order.empty() || queue->tenants.size() <= kMaxIdleTenants) return;
  queue->ring.pop_back();
  queue->tenants.erase(found);
}

// As many rounds at once as it takes until somebody can pay. False: nobody has anything to show.
bool Admission::GrantRounds(ModelQueue* queue, const Skipped& skipped) const {
  int64_t rounds = -1;
  for (const auto& [name, tenant] : queue->tenants) {
    const Place* next = NextOf(*queue, name, skipped);
    if (next == nullptr) continue;
    const int64_t missing = requests_.at(next->second).cost - tenant.deficit;
    const int64_t needed = std::max<int64_t>(0, (missing + kQuantum - 1) / kQuantum - 1);
    if (rounds < 0 || needed < rounds) rounds = needed;
  }
  if (rounds < 0) return false;
  for (auto& [name, tenant] : queue->tenants) {
    if (NextOf(*queue, name, skipped) != nullptr) tenant.deficit += rounds * kQuantum;
    if (tenant.order.empty()) tenant.deficit = std::min(tenant.deficit + rounds * kQuantum, kMaxCredit);
  }
  return true;
}

void Admission::Match(const std::string& model, const std::function<Verdict(const QueuedRequest&)>& visit) {
  Skipped skipped;
  size_t turns = 0;  // that went by since something was shown
  const auto found = models_.find(model);
  if (found == models_.end()) return;
  ModelQueue& queue = found->second;
  while (queue.size > 0) {
    if (turns >= queue.tenants.size()) {
      if (!GrantRounds(&queue, skipped)) return;
      turns = 0;
    }
    const std::string name = FirstOf(queue);
    TenantQueue& tenant = queue.tenants.at(name);
    const Place* next = NextOf(queue, name, skipped);
    if (!tenant.has_quantum && (next != nullptr || tenant.order.empty())) {
      tenant.deficit += kQuantum;
      if (tenant.order.empty()) tenant.deficit = std::min(tenant.deficit, kMaxCredit);
      tenant.has_quantum = true;
    }
    if (next == nullptr || tenant.deficit < requests_.at(next->second).cost) {
      PassTurn(&queue);
      ++turns;
      continue;
    }
    turns = 0;
    const QueuedRequest& request = requests_.at(next->second);
    switch (visit(request)) {
      case Verdict::kStop:
        return;
      case Verdict::kSkip:
        skipped[name] = *next;
        break;
      case Verdict::kTake:
        tenant.deficit -= request.cost;
        Remove(request.id);
        break;
      case Verdict::kDrop:
        Remove(request.id);
        break;
    }
  }
}

void Admission::Visit(const std::string& model,
                      const std::function<bool(const QueuedRequest&)>& visit) const {
  const auto found = models_.find(model);
  if (found == models_.end()) return;
  for (const auto& [name, tenant] : found->second.tenants) {
    for (const Place& place : tenant.order) {
      if (!visit(requests_.at(place.second))) return;
    }
  }
}

int Admission::AheadOf(const std::string& model, const std::string& tenant) const {
  const auto found = models_.find(model);
  if (found == models_.end()) return 0;
  const auto own = found->second.tenants.find(tenant);
  const size_t own_count = own == found->second.tenants.end() ? 0 : own->second.order.size();
  size_t ahead = own_count;
  for (const auto& [name, other] : found->second.tenants) {
    if (name != tenant) ahead += std::min(other.order.size(), own_count + 1);
  }
  return static_cast<int>(ahead);
}

std::vector<std::string> Admission::Models() const {
  std::vector<std::string> models;
  for (const auto& [model, queue] : models_) {
    if (queue.size > 0) models.push_back(model);
  }
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
