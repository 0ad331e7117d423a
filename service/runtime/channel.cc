#include "service/runtime/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/support/client_interceptor.h>

#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "service/runtime/callback_threads.h"
#include "service/runtime/file.h"
#include "service/runtime/listen_address.h"
#include "service/runtime/log.h"
#include "service/runtime/tls_files.h"
#include "service/runtime/token_file.h"
#include "worker/base/status_macros.h"

namespace hekla::service {
namespace {

using grpc::experimental::InterceptionHookPoints;

constexpr unsigned kLookIntervalSeconds = 1;  // the shortest that gRPC has

// The token in a file, as it is now: a renewed one is sent with the next call.
class TokenSource {
 public:
  explicit TokenSource(const std::string& path) : path_(path), file_({path}) {}

  absl::Status Load() {
    absl::MutexLock lock(&mutex_);
    return Reload();
  }

  std::string Authorization() {
    absl::MutexLock lock(&mutex_);
    if (const absl::Status status = Reload(); !status.ok()) {
      Log(LogLevel::kError, "token_kept", {{"file", path_}, {"error", status.message()}});
    }
    return absl::StrCat("Bearer ", token_);
  }

 private:
  absl::Status Reload() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    HEKLA_ASSIGN_OR_RETURN(const std::optional<std::vector<std::string>> content, file_.ReadIfChanged());
    if (!content.has_value()) return absl::OkStatus();
    HEKLA_ASSIGN_OR_RETURN(token_, ParseClientToken(content->front(), path_));
    return absl::OkStatus();
  }

  const std::string path_;
  absl::Mutex mutex_;
  WatchedFiles file_ ABSL_GUARDED_BY(mutex_);
  std::string token_ ABSL_GUARDED_BY(mutex_);
};

// Puts the token into each call's metadata. Unlike call credentials this works on a channel without TLS too.
class TokenInterceptor final : public grpc::experimental::Interceptor {
 public:
  explicit TokenInterceptor(std::string authorization) : authorization_(std::move(authorization)) {}
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
  explicit TokenInterceptorFactory(std::unique_ptr<TokenSource> token) : token_(std::move(token)) {}
  grpc::experimental::Interceptor* CreateClientInterceptor(grpc::experimental::ClientRpcInfo*) override {
    return new TokenInterceptor(token_->Authorization());
  }

 private:
  const std::unique_ptr<TokenSource> token_;
};

// Clear errors now for files that gRPC would only complain about at the first handshake.
absl::Status CheckFiles(const ChannelOptions& options) {
  if (!options.tls_ca_path.empty()) {
    HEKLA_ASSIGN_OR_RETURN(const std::string ca, ReadWholeFile(options.tls_ca_path));
    HEKLA_RETURN_IF_ERROR(CheckCaCertificates(ca, options.tls_ca_path));
  }
  if (options.tls_cert_path.empty()) return absl::OkStatus();
  HEKLA_ASSIGN_OR_RETURN(const std::string cert, ReadWholeFile(options.tls_cert_path));
  HEKLA_ASSIGN_OR_RETURN(const std::string key, ReadWholeFile(options.tls_key_path));
  return CheckCertificateAndKey(cert, options.tls_cert_path, key, options.tls_key_path).status();
}

// Files watched by gRPC, on a thread of their own: once for all channels that use the same ones.
std::shared_ptr<grpc::experimental::CertificateProviderInterface> WatchFiles(const ChannelOptions& options) {
  using Files = std::tuple<std::string, std::string, std::string>;
  using Provider = grpc::experimental::FileWatcherCertificateProvider;
  static auto* mutex = new absl::Mutex;
  static auto* watched = new std::map<Files, std::weak_ptr<Provider>>;
  absl::MutexLock lock(mutex);
  std::weak_ptr<Provider>& known =
      (*watched)[{options.tls_ca_path, options.tls_cert_path, options.tls_key_path}];
  std::shared_ptr<Provider> provider = known.lock();
  if (provider == nullptr) {
    provider = std::make_shared<Provider>(options.tls_key_path, options.tls_cert_path, options.tls_ca_path,
                                          kLookIntervalSeconds);
    known = provider;
  }
  return provider;
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(const ChannelOptions& options) {
  if (options.tls_cert_path.empty() != options.tls_key_path.empty()) {
    return absl::InvalidArgumentError("a client certificate needs both a certificate and a key file");
  }
  if (!options.tls && options.tls_ca_path.empty()) {
    if (options.tls_cert_path.empty()) return grpc::InsecureChannelCredentials();
    return absl::InvalidArgumentError("a client certificate is of no use without TLS: a CA file is missing");
  }
  if (options.tls_ca_path.empty() && options.tls_cert_path.empty()) {
    return grpc::SslCredentials(grpc::SslCredentialsOptions());
  }
  HEKLA_RETURN_IF_ERROR(CheckFiles(options));
  grpc::experimental::TlsChannelCredentialsOptions tls;
  tls.set_certificate_provider(WatchFiles(options));
  if (!options.tls_ca_path.empty()) tls.watch_root_certs();
  if (!options.tls_cert_path.empty()) tls.watch_identity_key_cert_pairs();
  return grpc::experimental::TlsCredentials(tls);
}

grpc::ChannelArguments MakeArguments(const ChannelOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(options.max_message_bytes);
  arguments.SetMaxSendMessageSize(options.max_message_bytes);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(absl::ToInt64Milliseconds(kPingInterval)));
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
  KeepCallbackThreads();
  HEKLA_ASSIGN_OR_RETURN(std::shared_ptr<grpc::ChannelCredentials> credentials, MakeCredentials(options));
  grpc::ChannelArguments arguments = MakeArguments(options);
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
  auto token = std::make_unique<TokenSource>(options.token_path);
  HEKLA_RETURN_IF_ERROR(token->Load());
  std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(std::make_unique<TokenInterceptorFactory>(std::move(token)));
  return grpc::experimental::CreateCustomChannelWithInterceptors(options.address, credentials, arguments,
                                                                 std::move(interceptors));
}

}  // namespace hekla::service
