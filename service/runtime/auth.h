// Who may call: bearer tokens in the metadata "authorization: Bearer TOKEN", checked against a token file
// (see token_file.h) that is read again when it changes.
#ifndef HEKLA_SERVICE_RUNTIME_AUTH_H_
#define HEKLA_SERVICE_RUNTIME_AUTH_H_

#include <grpcpp/server_context.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "service/runtime/token_file.h"

namespace hekla::service {

// What a token file is for. Fields that would have no effect there are refused.
enum class TokenUse {
  kRouter,    // all fields
  kWorker,    // no quotas: a router has them
  kOperator,  // neither quotas nor models
};

// Any thread. Copies share the file.
class Authenticator {
 public:
  // Accepts everyone, for everything.
  Authenticator() = default;

  // `path` empty: accepts everyone. Errors: those of the file. Later a new content that is bad is logged and
  // the old one stays in force.
  static absl::StatusOr<Authenticator> Create(const std::string& path, TokenUse use);

  // What the caller may do. UNAUTHENTICATED NO_CREDENTIAL without an accepted token that is in force. Every
  // service method calls this first. A wrong token takes the same time whatever it looks like.
  absl::StatusOr<std::shared_ptr<const Grant>> Check(const grpc::CallbackServerContext& context) const;
  // The same for the value of "authorization"; nullptr = none was sent.
  absl::StatusOr<std::shared_ptr<const Grant>> CheckValue(const std::string* authorization) const;

 private:
  class TokenTable;
  std::shared_ptr<TokenTable> table_;  // null = everyone
};

// PERMISSION_DENIED FORBIDDEN if the grant's models do not have this one. It does not say whether there is
// such a model.
absl::Status CheckModelAllowed(const Grant& grant, absl::string_view model);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_AUTH_H_
