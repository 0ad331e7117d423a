// Who may call: bearer tokens in the metadata "authorization: Bearer TOKEN".
//
// A token file holds a token a line; empty lines and lines that begin with # are skipped. A server accepts
// every token of its file, a client sends the first one of its own.
#ifndef HEKLA_SERVICE_RUNTIME_AUTH_H_
#define HEKLA_SERVICE_RUNTIME_AUTH_H_

#include <grpcpp/server_context.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hekla::service {

// >= 1 token of >= 16 characters. Errors: NOT_FOUND, INVALID_ARGUMENT with the line number.
absl::StatusOr<std::vector<std::string>> ReadTokenFile(const std::string& path);

// Immutable; any thread.
class Authenticator {
 public:
  // Accepts everyone.
  Authenticator() = default;
  explicit Authenticator(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {}

  // `path` empty: accepts everyone.
  static absl::StatusOr<Authenticator> Create(const std::string& path);

  // UNAUTHENTICATED NO_CREDENTIAL without an accepted token. Every service method calls this first. Takes the
  // same time wherever a wrong token differs from the right one.
  absl::Status Check(const grpc::CallbackServerContext& context) const;

 private:
  std::vector<std::string> tokens_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_AUTH_H_
