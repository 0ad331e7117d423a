// One router's stream of requests on a worker: commands come in, the responses of all its requests go out
// together, one message in flight. Each request is a GenerateStream of its own, so that parking, cancelling
// and ending are those of Inference.Generate.
//
// Thread rule: gRPC's threads and the WriteLoop's. Lock order: a request's stream, then the exchange.
// Lifetime: made by Launch, it holds itself until gRPC's OnDone; its requests end with it.
#ifndef HEKLA_WORKER_EXCHANGE_H_
#define HEKLA_WORKER_EXCHANGE_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "hekla/v1/dispatch.pb.h"
#include "worker/generate_stream.h"

namespace hekla::worker {

// Of the responses that are put into one message; a larger response goes alone.
inline constexpr size_t kMaxExchangeBytes = 1 << 20;

// Messages that may wait for a router that does not read; with more its commands wait as well.
inline constexpr size_t kMaxWaitingMessages = 8;

class Exchange final : public grpc::ServerBidiReactor<v1::DispatchCommands, v1::DispatchEvents>,
                       public WriteTask,
                       public std::enable_shared_from_this<Exchange> {
 public:
  // `read_load` is asked for a load when the router wants loads. The result owns itself.
  static Exchange* Launch(const ServiceContext* context, std::function<v1::Load()> read_load,
                          grpc::CallbackServerContext* call);

  Exchange(const ServiceContext* context, std::function<v1::Load()> read_load, grpc::CallbackServerContext* call);

  void Pump() override;

 private:
  class Request;
  using Requests = std::vector<std::shared_ptr<Request>>;
  struct Batch {
    v1::DispatchEvents message;
    Requests written, ended;  // in it; the first wait until it is
    size_t bytes = 0;
  };

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override { Break(absl::CancelledError("the router cancelled the stream")); }
  void OnDone() override;

  absl::Status Obey(v1::DispatchCommand& command);
  absl::Status Start(uint64_t id, v1::DispatchCommand::Start& start);
  void SetPaused(uint64_t id, bool paused);
  void CancelRequest(const std::shared_ptr<Request>& request);
  std::shared_ptr<Request> Find(uint64_t id);

  // Called by requests, with their streams locked. Append: true when the next event may come at once, else
  // WriteDone() follows.
  bool Append(Request* request, v1::DispatchEvent event);
  void GiveUp(Request* request);

  bool AddEvent(Request* request, v1::DispatchEvent event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Batch* OpenBatch(size_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddLoad(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReadOn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteOrFinish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // No more of it: its requests end, then the stream with `status`.
  void Break(const absl::Status& status);

  const ServiceContext* const context_;
  const std::function<v1::Load()> read_load_;
  grpc::CallbackServerContext* const call_;
  v1::DispatchCommands commands_;  // of the read in flight
  Batch written_;                  // of the write in flight
  std::shared_ptr<Exchange> self_;

  absl::Mutex mutex_;
  absl::flat_hash_map<uint64_t, std::shared_ptr<Request>> requests_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<Batch> waiting_ ABSL_GUARDED_BY(mutex_);
  Requests given_up_ ABSL_GUARDED_BY(mutex_);
  bool is_reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_finished_ ABSL_GUARDED_BY(mutex_) = false;  // Finish() was called
  bool is_closing_ ABSL_GUARDED_BY(mutex_) = false;   // takes no more requests
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  absl::Duration load_interval_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteDuration();
  absl::Time load_due_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();  // to be looked at
  absl::Time load_sent_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  v1::Load load_sent_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_EXCHANGE_H_
