// What `hekla top` shows: workers and requests, with rates since the view before. Not thread-safe.
#ifndef HEKLA_SERVICE_CLIENT_TOP_VIEW_H_
#define HEKLA_SERVICE_CLIENT_TOP_VIEW_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "hekla/v1/admin.pb.h"

namespace hekla::service {

class TopView {
 public:
  explicit TopView(size_t most_requests) : most_requests_(most_requests) {}

  // The next view. Rates of the first one, and of requests that are new, are those since they came.
  std::string Render(const v1::ListWorkersResponse& workers, const v1::ListInFlightResponse& inflight,
                     absl::Time now);

 private:
  const size_t most_requests_;
  absl::Time before_ = absl::InfinitePast();
  std::map<std::string, uint32_t> tokens_before_;  // by request id
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_CLIENT_TOP_VIEW_H_
