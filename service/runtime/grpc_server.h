// A gRPC server as both programs run it: loopback unless told otherwise, TLS beyond it, message limit,
// keep-alive, reflection. The services are given and must outlive the server; Shutdown() before they go.
#ifndef HEKLA_SERVICE_RUNTIME_GRPC_SERVER_H_
#define HEKLA_SERVICE_RUNTIME_GRPC_SERVER_H_

#include <grpcpp/server.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "service/runtime/callback_pulse.h"

namespace hekla::service {

inline constexpr int kMaxMessageBytes = 16 << 20;

struct ServerOptions {
  std::string address = "127.0.0.1:0";  // HOST:PORT; port 0 takes a free one
  std::string tls_cert_path;            // PEM; with tls_key_path
  std::string tls_key_path;
  std::string tls_client_ca_path;  // PEM; clients must show a certificate signed by it
  bool insecure = false;           // listen beyond loopback without TLS all the same
  std::vector<grpc::Service*> services;
};

// "127.0.0.0/8", "::1", "localhost" or a unix socket; `address` is HOST:PORT.
bool IsLoopback(const std::string& address);

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
  GrpcServer(std::unique_ptr<grpc::Server> server, int port);
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<CallbackPulse> pulse_;
  int port_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_GRPC_SERVER_H_
