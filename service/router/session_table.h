// PURE: where a session's last turn was computed. Bounded: the session not used for longest is forgotten first.
// Not thread-safe.
#ifndef HEKLA_SERVICE_ROUTER_SESSION_TABLE_H_
#define HEKLA_SERVICE_ROUTER_SESSION_TABLE_H_

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace hekla::service {

class Worker;

class SessionTable {
 public:
  explicit SessionTable(size_t max_sessions = 65536) : max_sessions_(max_sessions) {}

  void Set(const std::string& session, const std::shared_ptr<Worker>& worker);
  // True: the session is known. `worker` is nullptr when that incarnation of the worker is gone for good.
  bool Find(const std::string& session, std::shared_ptr<Worker>* worker) const;
  void Forget(const std::string& session);
  size_t size() const { return places_.size(); }

 private:
  using Entry = std::pair<std::string, std::weak_ptr<Worker>>;
  size_t max_sessions_;
  std::list<Entry> by_use_;  // latest first
  absl::flat_hash_map<std::string, std::list<Entry>::iterator> places_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_SESSION_TABLE_H_
