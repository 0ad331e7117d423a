// Keeps gRPC's callback threads awake.
//
// gRPC 1.51 runs reactors on a few threads that each, after a second without work, sleep for 100 ms at a
// time; what arrives meanwhile waits, so that the first request after an idle second could take 100 ms
// longer. A call to the server itself four times a second, without a socket, leaves at least one of the
// threads waiting for work. The threads are shared by the whole process. Costs under 0.1 % of a core.
#ifndef HEKLA_SERVICE_RUNTIME_CALLBACK_PULSE_H_
#define HEKLA_SERVICE_RUNTIME_CALLBACK_PULSE_H_

#include <grpcpp/channel.h>
#include <grpcpp/server.h>

#include <memory>
#include <thread>

#include "absl/synchronization/notification.h"

namespace hekla::service {

class CallbackPulse {
 public:
  // `server` is started; it need not serve anything. Destroy the pulse before the server is shut down.
  explicit CallbackPulse(grpc::Server* server);
  ~CallbackPulse();

 private:
  void Run();

  const std::shared_ptr<grpc::Channel> channel_;
  absl::Notification stop_;
  std::thread thread_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_CALLBACK_PULSE_H_
