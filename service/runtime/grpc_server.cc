#include "service/runtime/grpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "service/runtime/callback_threads.h"
#include "service/runtime/tls_server_credentials.h"
#include "worker/base/status_macros.h"

namespace hekla::service {
namespace {

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(const ServerOptions& options) {
  if (options.tls_cert_path.empty() != options.tls_key_path.empty()) {
    return absl::InvalidArgumentError("TLS needs both a certificate and a key file");
  }
  if (options.tls_cert_path.empty()) {
    if (!options.tls_client_ca_path.empty()) {
      return absl::InvalidArgumentError("a client CA file needs a TLS certificate and key file as well");
    }
    HEKLA_RETURN_IF_ERROR(
        CheckMayListen(options.address, false, options.insecure, "gRPC", "Give --tls-cert and --tls-key"));
    return grpc::InsecureServerCredentials();
  }
  return MakeTlsServerCredentials({options.tls_cert_path, options.tls_key_path, options.tls_client_ca_path});
}

int Milliseconds(absl::Duration duration) { return static_cast<int>(absl::ToInt64Milliseconds(duration)); }

void SetLimits(const ServerLimits& limits, grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(limits.max_message_bytes);
  builder->SetMaxSendMessageSize(limits.max_message_bytes);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, limits.max_metadata_bytes);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, limits.max_streams_per_connection);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, Milliseconds(limits.handshake_timeout));
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              Milliseconds(limits.min_ping_interval));
}

}  // namespace

absl::Status CheckServerLimits(const ServerLimits& limits) {
  std::vector<std::string> problems;
  const auto check = [&problems](absl::string_view flag, int value, int least, int most) {
    if (value >= least && value <= most) return;
    problems.push_back(absl::StrCat("--", flag, " is ", value, ", not in ", least, " .. ", most));
  };
  const auto check_time = [&problems](absl::string_view flag, absl::Duration value, absl::Duration least,
                                      absl::Duration most) {
    if (value >= least && value <= most) return;
    problems.push_back(absl::StrCat("--", flag, " is ", absl::FormatDuration(value), ", not in ",
                                    absl::FormatDuration(least), " .. ", absl::FormatDuration(most)));
  };
  check("max-message-bytes", limits.max_message_bytes, 1 << 10, 1 << 30);
  check("max-metadata-bytes", limits.max_metadata_bytes, 1 << 10, 1 << 20);
  check("max-streams-per-connection", limits.max_streams_per_connection, 1, 1 << 20);
  check_time("handshake-timeout", limits.handshake_timeout, absl::Milliseconds(100), absl::Hours(1));
  check_time("min-ping-interval", limits.min_ping_interval, absl::Milliseconds(1), kPingInterval);
  if (problems.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(problems, "; "));
}

void AddServerLimitFlags(CommandLine& line, ServerLimits* limits) {
  line.Add("max-message-bytes", "N", "of one gRPC message; larger ones are refused",
           &limits->max_message_bytes);
  line.Add("max-metadata-bytes", "N", "of one call's metadata; calls with more are refused",
           &limits->max_metadata_bytes);
  line.Add("max-streams-per-connection", "N", "calls in flight on a connection; more wait at the client",
           &limits->max_streams_per_connection);
  line.Add("handshake-timeout", "DURATION", "how long a new connection may take to greet",
           &limits->handshake_timeout);
  line.Add("min-ping-interval", "DURATION", "connections that ping more often are ended",
           &limits->min_ping_interval);
}

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(const ServerOptions& options) {
  KeepCallbackThreads();
  HEKLA_ASSIGN_OR_RETURN(std::shared_ptr<grpc::ServerCredentials> credentials, MakeCredentials(options));
  static std::once_flag reflection_once;
  std::call_once(reflection_once, [] { grpc::reflection::InitProtoReflectionServerBuilderPlugin(); });

  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(options.address, credentials, &port);
  for (grpc::Service* service : options.services) builder.RegisterService(service);
  SetLimits(options.limits, &builder);
  // Without this two servers could share a port unnoticed.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(kPingInterval));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", options.address, ": the address is taken or not local"));
  }
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(server), std::move(credentials), port));
}

GrpcServer::GrpcServer(std::unique_ptr<grpc::Server> server,
                       std::shared_ptr<grpc::ServerCredentials> credentials, int port)
    : credentials_(std::move(credentials)),
      server_(std::move(server)),
      pulse_(std::make_unique<CallbackPulse>(server_.get())),
      port_(port) {}

GrpcServer::~GrpcServer() { Shutdown(absl::ZeroDuration()); }

void GrpcServer::Shutdown(absl::Duration limit) {
  if (server_ == nullptr) return;
  pulse_.reset();
  server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(limit));
  server_->Wait();
  server_.reset();
}

}  // namespace hekla::service
