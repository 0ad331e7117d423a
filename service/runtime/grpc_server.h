// A gRPC server as both programs run it: loopback unless told otherwise, TLS beyond it, message limits,
// keep-alive, reflection. The services are given and must outlive the server; Shutdown() before they go.
#ifndef HEKLA_SERVICE_RUNTIME_GRPC_SERVER_H_
#define HEKLA_SERVICE_RUNTIME_GRPC_SERVER_H_

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "service/runtime/callback_pulse.h"
#include "service/runtime/command_line.h"
#include "service/runtime/connection_limits.h"
#include "service/runtime/listen_address.h"

namespace hekla::service {

// What a caller may ask of a server. Beyond it: RESOURCE_EXHAUSTED for a message; for metadata too, and gRPC
// may end the caller's connection with it; calls that wait at the client for streams; the end of the
// connection for the rest. Other connections go on.
struct ServerLimits {
  int max_message_bytes = kMaxMessageBytes;
  int max_metadata_bytes = 16 << 10;      // of one call, names and values together
  int max_streams_per_connection = 1024;  // calls in flight
  absl::Duration handshake_timeout = absl::Seconds(20);
  absl::Duration min_ping_interval = absl::Seconds(5);  // closer pings end the connection
};

// INVALID_ARGUMENT naming every limit out of its range by its flag.
absl::Status CheckServerLimits(const ServerLimits& limits);
// --max-message-bytes and so on, filling `limits`.
void AddServerLimitFlags(CommandLine& line, ServerLimits* limits);

struct ServerOptions {
  std::string address = "127.0.0.1:0";  // HOST:PORT; port 0 takes a free one
  std::string tls_cert_path;            // PEM; with tls_key_path. Renewed files are used from then on
  std::string tls_key_path;
  std::string tls_client_ca_path;  // PEM; clients must show a certificate signed by it
  bool insecure = false;           // listen beyond loopback without TLS all the same
  ServerLimits limits;
  std::vector<grpc::Service*> services;
};

class GrpcServer {
 public:
  // Errors: FAILED_PRECONDITION an address beyond loopback without TLS and `insecure`; INVALID_ARGUMENT only
  // one of certificate and key; NOT_FOUND a file; UNAVAILABLE the address cannot be listened on.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(const ServerOptions& options);
  ~GrpcServer();

  int port() const { return port_; }

  // Takes no new calls, lets those that run finish for `limit`, then cancels them. Returns when all are gone.
  void Shutdown(absl::Duration limit);

 private:
  GrpcServer(std::unique_ptr<grpc::Server> server, std::shared_ptr<grpc::ServerCredentials> credentials,
             int port);
  const std::shared_ptr<grpc::ServerCredentials> credentials_;  // asked as long as the server is there
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<CallbackPulse> pulse_;
  int port_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_GRPC_SERVER_H_
