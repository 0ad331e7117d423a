// A router's side of Dispatch.Exchange with one worker: the streams of all requests there over one call, which
// is opened when the first one starts, and again after it broke. When it breaks every stream on it ends with
// the call's error; one that is closing keeps its streams and takes no more.
//
// Thread-safe. Lock order: a WorkerStream, then the exchange, then its link. Streams are called without locks.
#ifndef HEKLA_SERVICE_ROUTER_WORKER_EXCHANGE_H_
#define HEKLA_SERVICE_ROUTER_WORKER_EXCHANGE_H_

#include <grpcpp/channel.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "hekla/v1/dispatch.pb.h"

namespace hekla::service {

class WorkerStream;

// Of the commands that are put into one message; a larger command goes alone.
inline constexpr size_t kMaxCommandBytes = 1 << 20;

class WorkerExchange : public std::enable_shared_from_this<WorkerExchange> {
 public:
  class Link;  // one call

  // Where a stream's commands go. Later than its end they have no effect.
  struct Line {
    std::shared_ptr<Link> link;
    uint64_t call_id = 0;
  };

  explicit WorkerExchange(std::shared_ptr<grpc::Channel> channel) : channel_(std::move(channel)) {}
  // The call ends; by then no stream is left.
  ~WorkerExchange();

  // Sends the command; its events go to the stream.
  Line Start(std::shared_ptr<WorkerStream> stream, v1::DispatchCommand::Start start);
  // Sends what is set of Cancel, Pause, Resume.
  static void Send(const Line& line, v1::DispatchCommand command);
  // No more events of it.
  static void Leave(const Line& line);

  // Opens the call now and asks for loads on it and on those that follow: `on_load` is told, on gRPC's threads,
  // until StopLoads() has returned.
  void WantLoads(absl::Duration interval, std::function<void(const v1::Load&)> on_load);
  void StopLoads();
  // Opens the call again if loads are wanted and it is gone. Now and then.
  void KeepLoads();

 private:
  std::shared_ptr<Link> OpenLink() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Drop(const Link* link);
  void OnLoad(const v1::Load& load);

  const std::shared_ptr<grpc::Channel> channel_;
  absl::Mutex mutex_;
  std::shared_ptr<Link> link_ ABSL_GUARDED_BY(mutex_);  // null: none that takes streams
  absl::Duration load_interval_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();  // zero: none are wanted
  absl::Mutex load_mutex_;  // held while on_load_ runs
  std::function<void(const v1::Load&)> on_load_ ABSL_GUARDED_BY(load_mutex_);
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_WORKER_EXCHANGE_H_
