// Dispatch.Exchange of a worker without an engine: a thread a request.
#ifndef HEKLA_TESTS_SUPPORT_SERVICE_FAKE_DISPATCH_H_
#define HEKLA_TESTS_SUPPORT_SERVICE_FAKE_DISPATCH_H_

#include <grpcpp/support/sync_stream.h>

#include <atomic>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

#include "hekla/v1/dispatch.grpc.pb.h"

namespace hekla::service {

class FakeCall;

class FakeDispatch : public v1::Dispatch::Service {
 public:
  // What a request does, on a thread of its own.
  using Run = std::function<grpc::Status(const v1::GenerateRequest&, FakeCall*)>;
  // What is reported to a router that wants loads; nothing: no report this time.
  using ReadLoad = std::function<std::optional<v1::Load>()>;
  FakeDispatch(Run run, ReadLoad read_load) : run_(std::move(run)), read_load_(std::move(read_load)) {}

  // The next request is refused as if the stream's credential had ended.
  void CloseAtNext() { close_at_next_ = true; }
  void BreakExchanges();
  int exchanges() const { return exchanges_; }  // that were opened

  // Returns when all that was started has.
  grpc::Status Exchange(grpc::ServerContext* context,
                        grpc::ServerReaderWriter<v1::DispatchEvents, v1::DispatchCommands>* stream) override;

 private:
  const Run run_;
  const ReadLoad read_load_;
  std::atomic<bool> close_at_next_ = false;
  std::atomic<int> exchanges_ = 0;
  absl::Mutex mutex_;
  std::set<grpc::ServerContext*> open_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hekla::service

#endif  // HEKLA_TESTS_SUPPORT_SERVICE_FAKE_DISPATCH_H_
