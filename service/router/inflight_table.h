// The requests there are, by request id: none twice, listed and cancelled by operators. Thread-safe.
#ifndef HEKLA_SERVICE_ROUTER_INFLIGHT_TABLE_H_
#define HEKLA_SERVICE_ROUTER_INFLIGHT_TABLE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "hekla/v1/admin.pb.h"

namespace hekla::service {

// A request as the table knows it.
class InFlightRequest {
 public:
  virtual ~InFlightRequest() = default;
  virtual v1::InFlight State() const = 0;
  // Ends it with `why`; does nothing when it has ended. Any thread.
  virtual void Cancel(absl::Status why) = 0;
  // Called every second or so: ends what has been held up for too long.
  virtual void Tick(absl::Time now) = 0;
};

class InFlightTable {
 public:
  // Takes the request out of the table when it goes.
  class Entry {
   public:
    Entry(InFlightTable* table, std::string request_id) : table_(table), request_id_(std::move(request_id)) {}
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() { table_->Erase(request_id_); }

   private:
    InFlightTable* const table_;
    const std::string request_id_;
  };

  // ALREADY_EXISTS DUPLICATE_REQUEST: a request with this id is in flight.
  absl::StatusOr<std::unique_ptr<Entry>> Add(const std::string& request_id,
                                             std::weak_ptr<InFlightRequest> request);

  std::vector<v1::InFlight> List() const;                                       // oldest first
  absl::Status Cancel(const std::string& request_id, const absl::Status& why);  // NOT_FOUND UNKNOWN_REQUEST
  void CancelAll(const absl::Status& why);
  void Tick(absl::Time now);

  int size() const;

 private:
  void Erase(const std::string& request_id);
  std::vector<std::shared_ptr<InFlightRequest>> Requests() const;

  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::weak_ptr<InFlightRequest>> requests_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_INFLIGHT_TABLE_H_
