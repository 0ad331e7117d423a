// The worker's lease with one router: it dials, registers, reports its load at the router's interval and when
// it changes, and obeys. When the stream breaks it attaches again, for ever, with a jittered back-off that
// doubles.
//
// Thread rule: one thread of its own and gRPC's; callbacks come on gRPC's threads and must not block.
// Lifetime: what the callbacks use outlives it; the destructor closes the lease and joins.
#ifndef HEKLA_WORKER_ROUTER_LINK_H_
#define HEKLA_WORKER_ROUTER_LINK_H_

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "hekla/v1/worker.pb.h"
#include "service/runtime/channel.h"

namespace hekla::worker {

struct RouterLinkOptions {
  service::ChannelOptions channel;  // of the router's admin port
  v1::Registration registration;
  std::function<v1::Load()> read_load;  // on the link's thread
  std::function<void(std::optional<absl::Duration> limit)> on_drain;
  std::function<void()> on_undrain;
  std::function<void(const std::string& request_id)> on_cancel;
  absl::Duration report_interval = absl::Milliseconds(250);  // until the router says another
  absl::Duration change_interval = absl::Milliseconds(50);   // how often a change is looked for
  absl::Duration min_backoff = absl::Milliseconds(100);
  absl::Duration max_backoff = absl::Seconds(5);
};

class RouterLink {
 public:
  // Errors: as OpenChannel. It does not wait for the router.
  static absl::StatusOr<std::unique_ptr<RouterLink>> Start(RouterLinkOptions options);
  ~RouterLink();
  RouterLink(const RouterLink&) = delete;
  RouterLink& operator=(const RouterLink&) = delete;

  // The router has answered the registration and the stream stands.
  bool attached() const;
  // Reports at once, such as before a drain.
  void ReportNow();

 private:
  class Stream;
  explicit RouterLink(RouterLinkOptions options);
  void Run();
  // One lease from dialling to its end. True: the router had accepted it.
  bool Hold();
  void Obey(const v1::RouterCommand& command);
  bool stopping() const;

  const RouterLinkOptions options_;

  mutable absl::Mutex mutex_;
  absl::CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool attached_ ABSL_GUARDED_BY(mutex_) = false;
  bool report_now_ ABSL_GUARDED_BY(mutex_) = false;
  bool write_in_flight_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;  // the stream takes no more reports
  bool done_ ABSL_GUARDED_BY(mutex_) = false;    // gRPC is through with the stream
  absl::Status end_ ABSL_GUARDED_BY(mutex_);
  absl::Duration interval_ ABSL_GUARDED_BY(mutex_);
  std::mt19937 jitter_;
  std::thread thread_;
};

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_ROUTER_LINK_H_
