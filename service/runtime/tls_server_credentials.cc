#include "service/runtime/tls_server_credentials.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "service/runtime/file.h"
#include "service/runtime/log.h"
#include "service/runtime/tls_files.h"
#include "worker/base/status_macros.h"

namespace hekla::service {
namespace {

using ReloadStatus = grpc_ssl_certificate_config_reload_status;

class TlsServerCredentials final : public grpc::ServerCredentials {
 public:
  explicit TlsServerCredentials(TlsServerPaths paths) : paths_(std::move(paths)), files_(ListPaths(paths_)) {}
  ~TlsServerCredentials() override {
    if (credentials_ != nullptr) grpc_server_credentials_release(credentials_);
    absl::MutexLock lock(&mutex_);  // not before the last handshake has what it asked for
    if (next_ != nullptr) grpc_ssl_server_certificate_config_destroy(next_);
  }

  absl::Status Load() {
    {
      absl::MutexLock lock(&mutex_);
      HEKLA_RETURN_IF_ERROR(Reload());
    }
    const auto whom = paths_.client_ca.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                               : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
    credentials_ = grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(whom, Fetch, this));
    return absl::OkStatus();
  }

  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  static std::vector<std::string> ListPaths(const TlsServerPaths& paths) {
    std::vector<std::string> list = {paths.cert, paths.key};
    if (!paths.client_ca.empty()) list.push_back(paths.client_ca);
    return list;
  }

  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  // Called for a port that is added and before each handshake; `config` becomes gRPC's.
  static ReloadStatus Fetch(void* self, grpc_ssl_server_certificate_config** config) {
    return static_cast<TlsServerCredentials*>(self)->FetchNext(config);
  }

  ReloadStatus FetchNext(grpc_ssl_server_certificate_config** config) {
    absl::MutexLock lock(&mutex_);
    if (const absl::Status status = Reload(); !status.ok()) {
      Log(LogLevel::kError, "tls_files_kept", {{"certificate", paths_.cert}, {"error", status.message()}});
    }
    if (next_ == nullptr) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    *config = std::exchange(next_, nullptr);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  // Fills next_ if the files have changed and are good.
  absl::Status Reload() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    HEKLA_ASSIGN_OR_RETURN(const std::optional<std::vector<std::string>> pem, files_.ReadIfChanged());
    if (!pem.has_value()) return absl::OkStatus();
    const std::string &cert = (*pem)[0], &key = (*pem)[1];
    HEKLA_ASSIGN_OR_RETURN(const absl::Time end, CheckCertificateAndKey(cert, paths_.cert, key, paths_.key));
    // gRPC insists on some; where no certificate is asked for they are not looked at.
    const char* client_ca = cert.c_str();
    if (pem->size() > 2) {
      client_ca = (*pem)[2].c_str();
      HEKLA_RETURN_IF_ERROR(CheckCaCertificates((*pem)[2], paths_.client_ca));
    }
    const grpc_ssl_pem_key_cert_pair pair = {key.c_str(), cert.c_str()};
    if (next_ != nullptr) grpc_ssl_server_certificate_config_destroy(next_);
    next_ = grpc_ssl_server_certificate_config_create(client_ca, &pair, 1);
    const LogLevel level = end < absl::Now() ? LogLevel::kWarning : LogLevel::kInfo;
    Log(level, "tls_files_loaded",
        {{"certificate", paths_.cert}, {"ends", absl::FormatTime(end, absl::UTCTimeZone())}});
    return absl::OkStatus();
  }

  const TlsServerPaths paths_;
  grpc_server_credentials* credentials_ = nullptr;
  absl::Mutex mutex_;
  WatchedFiles files_ ABSL_GUARDED_BY(mutex_);
  grpc_ssl_server_certificate_config* next_ ABSL_GUARDED_BY(mutex_) = nullptr;  // not given to gRPC yet
};

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeTlsServerCredentials(
    const TlsServerPaths& paths) {
  auto credentials = std::make_shared<TlsServerCredentials>(paths);
  HEKLA_RETURN_IF_ERROR(credentials->Load());
  return std::shared_ptr<grpc::ServerCredentials>(std::move(credentials));
}

}  // namespace hekla::service
