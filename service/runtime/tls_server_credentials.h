// TLS of a server whose files may be renewed while it runs: each new connection is greeted with the files as
// they are then, connections that stand go on. Files that are bad or do not fit together are logged, and the
// last good ones stay in use.
//
// Thread-safe. Must outlive the server (gRPC asks for the files at each handshake). gRPC's own certificate
// provider that watches files has two faults here: it drops the good files when bad ones come, and it polls.
#ifndef HEKLA_SERVICE_RUNTIME_TLS_SERVER_CREDENTIALS_H_
#define HEKLA_SERVICE_RUNTIME_TLS_SERVER_CREDENTIALS_H_

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace hekla::service {

struct TlsServerPaths {
  std::string cert, key;  // PEM
  std::string client_ca;  // PEM; callers must show a certificate signed by it. Empty = they need none
};

// For one server with one port. Errors: NOT_FOUND, INVALID_ARGUMENT with the path.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeTlsServerCredentials(
    const TlsServerPaths& paths);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_TLS_SERVER_CREDENTIALS_H_
