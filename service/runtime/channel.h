// A client channel as all programs open it: plain on loopback, TLS and a bearer token where told, message
// limit, keep-alive that notices a dead peer within 20 s. Renewed TLS files are used for connections made
// more than a second later, connections that stand go on; while new files are bad, no connection can be made.
#ifndef HEKLA_SERVICE_RUNTIME_CHANNEL_H_
#define HEKLA_SERVICE_RUNTIME_CHANNEL_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "service/runtime/connection_limits.h"

namespace hekla::service {

struct ChannelOptions {
  std::string address;        // HOST:PORT
  bool tls = false;           // with the system's root certificates unless tls_ca_path is given
  std::string tls_ca_path;    // PEM; implies tls
  std::string tls_cert_path;  // PEM, with tls_key_path: shown to a server that asks
  std::string tls_key_path;
  std::string token_path;  // the file's token, as it is then, is sent with every call
  std::string tls_server_name;  // the name that the certificate must have; empty = the address's host
  int max_message_bytes = kMaxMessageBytes;
  bool insecure = false;  // send the token beyond loopback without TLS all the same
};

// Does not connect yet. Errors: NOT_FOUND a file; INVALID_ARGUMENT a bad file or only one of certificate and
// key; FAILED_PRECONDITION a token that would go beyond loopback unencrypted.
absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const ChannelOptions& options);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_CHANNEL_H_
