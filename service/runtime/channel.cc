#include "service/runtime/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/client_interceptor.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "service/runtime/auth.h"
#include "service/runtime/file.h"
#include "service/runtime/grpc_server.h"
#include "worker/base/status_macros.h"

namespace hekla::service {
namespace {

using grpc::experimental::InterceptionHookPoints;

// Puts the token into each call's metadata. Unlike call credentials this works on a channel without TLS too.
class TokenInterceptor final : public grpc::experimental::Interceptor {
 public:
  explicit TokenInterceptor(const std::string& authorization) : authorization_(authorization) {}
  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_INITIAL_METADATA)) {
      methods->GetSendInitialMetadata()->emplace("authorization", authorization_);
    }
    methods->Proceed();
  }

 private:
  const std::string authorization_;
};

class TokenInterceptorFactory final : public grpc::experimental::ClientInterceptorFactoryInterface {
 public:
  explicit TokenInterceptorFactory(const std::string& token)
      : authorization_(absl::StrCat("Bearer ", token)) {}
  grpc::experimental::Interceptor* CreateClientInterceptor(grpc::experimental::ClientRpcInfo*) override {
    return new TokenInterceptor(authorization_);
  }

 private:
  const std::string authorization_;
};

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(const ChannelOptions& options) {
  if (options.tls_cert_path.empty() != options.tls_key_path.empty()) {
    return absl::InvalidArgumentError("a client certificate needs both a certificate and a key file");
  }
  if (!options.tls && options.tls_ca_path.empty()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions tls;
  if (!options.tls_ca_path.empty()) {
    HEKLA_ASSIGN_OR_RETURN(tls.pem_root_certs, ReadWholeFile(options.tls_ca_path));
  }
  if (!options.tls_cert_path.empty()) {
    HEKLA_ASSIGN_OR_RETURN(tls.pem_cert_chain, ReadWholeFile(options.tls_cert_path));
    HEKLA_ASSIGN_OR_RETURN(tls.pem_private_key, ReadWholeFile(options.tls_key_path));
  }
  return grpc::SslCredentials(tls);
}

grpc::ChannelArguments MakeArguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // Each channel its own connection: a new one must not inherit the back-off of a peer that was restarted.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5'000);
  // The programs decide themselves what is tried again.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  return arguments;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const ChannelOptions& options) {
  HEKLA_ASSIGN_OR_RETURN(std::shared_ptr<grpc::ChannelCredentials> credentials, MakeCredentials(options));
  grpc::ChannelArguments arguments = MakeArguments();
  if (!options.tls_server_name.empty()) {
    arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, options.tls_server_name);
    if (options.tls || !options.tls_ca_path.empty()) arguments.SetSslTargetNameOverride(options.tls_server_name);
  }
  if (options.token_path.empty()) {
    return grpc::CreateCustomChannel(options.address, credentials, arguments);
  }
  const bool encrypted = options.tls || !options.tls_ca_path.empty();
  if (!encrypted && !IsLoopback(options.address) && !options.insecure) {
    return absl::FailedPreconditionError(absl::StrCat("refusing to send a token to ", options.address,
                                                      " without TLS: it is not a loopback address"));
  }
  HEKLA_ASSIGN_OR_RETURN(const std::vector<std::string> tokens, ReadTokenFile(options.token_path));
  std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(std::make_unique<TokenInterceptorFactory>(tokens.front()));
  return grpc::experimental::CreateCustomChannelWithInterceptors(options.address, credentials, arguments,
                                                                 std::move(interceptors));
}

}  // namespace hekla::service
