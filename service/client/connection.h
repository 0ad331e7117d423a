// How `hekla` reaches a router or worker: the flags all commands share, the channel, calls that Ctrl-C
// cancels.
#ifndef HEKLA_SERVICE_CLIENT_CONNECTION_H_
#define HEKLA_SERVICE_CLIENT_CONNECTION_H_

#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "service/client/command.h"
#include "service/runtime/channel.h"
#include "service/runtime/command_line.h"

namespace hekla::service {

inline constexpr char kRouterAddress[] = "127.0.0.1:8090";
inline constexpr char kRouterAdminAddress[] = "127.0.0.1:8091";

struct Connection {
  ChannelOptions channel;
  absl::Duration timeout = absl::ZeroDuration();  // 0 = none
};

// --address, --tls, --tls-ca, --token-file, --insecure, --timeout.
void AddConnectionFlags(CommandLine& line, const std::string& default_address, Connection* connection);

// A call that ends by the connection's timeout, and when the user interrupts. Lives as long as the call.
class InterruptibleCall {
 public:
  InterruptibleCall(const Connection& connection, const CommandStreams& streams);
  ~InterruptibleCall();
  grpc::ClientContext* context() { return &context_; }

 private:
  grpc::ClientContext context_;
  absl::Notification done_;
  std::thread watcher_;
};

// `status` of a call for people: says the address when nobody answered there.
absl::Status Explain(const grpc::Status& status, const Connection& connection);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_CLIENT_CONNECTION_H_
