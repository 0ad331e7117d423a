#include "service/router/session_table.h"

namespace hekla::service {

void SessionTable::Set(const std::string& session, const std::shared_ptr<Worker>& worker) {
  const auto [place, is_new] = places_.try_emplace(session);
  if (is_new) {
    by_use_.emplace_front(session, worker);
  } else {
    by_use_.splice(by_use_.begin(), by_use_, place->second);
    by_use_.front().second = worker;
  }
  place->second = by_use_.begin();
  if (places_.size() <= max_sessions_) return;
  places_.erase(by_use_.back().first);
  by_use_.pop_back();
}

bool SessionTable::Find(const std::string& session, std::shared_ptr<Worker>* worker) const {
  const auto place = places_.find(session);
  if (place == places_.end()) return false;
  *worker = place->second->second.lock();
  return true;
}

void SessionTable::Forget(const std::string& session) {
  const auto place = places_.find(session);
  if (place == places_.end()) return;
  by_use_.erase(place->second);
  places_.erase(place);
}

}  // namespace hekla::service
