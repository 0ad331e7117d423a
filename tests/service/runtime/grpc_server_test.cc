// Server, channel, health, auth together, over real sockets.
#include "service/runtime/grpc_server.h"

#include <arpa/inet.h>
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <memory>

#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "hekla/v1/inference.grpc.pb.h"
#include "service/runtime/auth.h"
#include "service/runtime/channel.h"
#include "service/runtime/health_service.h"
#include "service/runtime/secret.h"
#include "service/runtime/status.h"
#include "tests/support/runtime/test_files.h"
#include "worker/base/check.h"

namespace hekla::service {
namespace {

using grpc::health::v1::HealthCheckResponse;

// Answers GetModel for those who may call; Generate stays silent until it is
// cancelled.
class GuardedService final : public v1::Inference::CallbackService {
 public:
  explicit GuardedService(Authenticator authenticator = {}) : authenticator_(std::move(authenticator)) {}
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context, const v1::GetModelRequest*,
                                     v1::Model* model) override {
    model->set_name("guarded");
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(ToGrpc(authenticator_.Check(*context).status()));
    return reactor;
  }
  grpc::ServerWriteReactor<v1::GenerateResponse>* Generate(grpc::CallbackServerContext*,
                                                           const v1::GenerateRequest*) override {
    class Silent final : public grpc::ServerWriteReactor<v1::GenerateResponse> {
     public:
      Silent() { StartSendInitialMetadata(); }
      void OnCancel() override { Finish(grpc::Status::CANCELLED); }
      void OnDone() override { delete this; }
    };
    return new Silent;
  }

 private:
  const Authenticator authenticator_;
};

absl::Status Ask(v1::Inference::Stub& stub, grpc::ClientContext& context, const std::string& model = "") {
  v1::GetModelRequest request;
  request.set_model(model);
  v1::Model response;
  return FromGrpc(stub.GetModel(&context, request, &response));
}

absl::Status Call(const ChannelOptions& options) {
  const auto channel = OpenChannel(options);
  if (!channel.ok()) return channel.status();
  grpc::ClientContext context;
  return Ask(*v1::Inference::NewStub(*channel), context);
}

// A TCP connection that speaks for itself.
class RawConnection {
 public:
  explicit RawConnection(int port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    HEKLA_CHECK(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0, "connect");
  }
  ~RawConnection() { close(socket_); }

  void Send(const std::string& bytes) {
    HEKLA_CHECK(send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0, "send");
  }
  // All that comes until the server closes.
  std::string ReadToEnd() {
    std::string all;
    char part[4096];
    for (ssize_t count = 0; (count = recv(socket_, part, sizeof(part), 0)) > 0;)
      all.append(part, static_cast<size_t>(count));
    return all;
  }

 private:
  const int socket_;
};

class GrpcServerTest : public testing::Test {
 protected:
  // A server of GuardedService within `limits`, and how to call it.
  ChannelOptions Start(const ServerLimits& limits, Authenticator authenticator = {}) {
    service_ = std::make_unique<GuardedService>(std::move(authenticator));
    ServerOptions options;
    options.services = {service_.get()};
    options.limits = limits;
    auto server = GrpcServer::Start(options);
    HEKLA_CHECK(server.ok(), std::string(server.status().message()).c_str());
    server_ = *std::move(server);
    ChannelOptions client;
    client.address = absl::StrCat("127.0.0.1:", server_->port());
    return client;
  }

  const TestFolder folder_;
  std::unique_ptr<GuardedService> service_;
  std::unique_ptr<GrpcServer> server_;
};

TEST_F(GrpcServerTest, ListensBeyondLoopbackOnlyWithTlsOrWhenTold) {
  ServerOptions options;
  HealthService health;
  options.services = {&health};
  options.address = "0.0.0.0:0";
  const absl::Status refused = GrpcServer::Start(options).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_NE(refused.message().find("0.0.0.0:0"), absl::string_view::npos);
  options.insecure = true;
  EXPECT_TRUE(GrpcServer::Start(options).ok());
  options.tls_cert_path = "cert.pem";
  EXPECT_TRUE(absl::IsInvalidArgument(GrpcServer::Start(options).status()));
  options.tls_key_path = folder_.Path("no-such-key.pem");
  EXPECT_TRUE(absl::IsNotFound(GrpcServer::Start(options).status()));
}

TEST_F(GrpcServerTest, ATakenPortIsAnError) {
  HealthService health, other_health;
  ServerOptions options;
  options.services = {&health};
  const auto first = GrpcServer::Start(options);
  ASSERT_TRUE(first.ok());
  options.address = absl::StrCat("127.0.0.1:", (*first)->port());
  options.services = {&other_health};
  EXPECT_TRUE(absl::IsUnavailable(GrpcServer::Start(options).status()));
}

TEST_F(GrpcServerTest, TokensAreChecked) {
  const std::string token = NewSecret();
  const std::string line = absl::StrCat("sha256:", Sha256Hex(token), " tenant=a\n");
  auto authenticator = Authenticator::Create(folder_.Write("tokens", line), TokenUse::kRouter);
  ASSERT_TRUE(authenticator.ok()) << authenticator.status();
  ChannelOptions client = Start({}, *std::move(authenticator));
  EXPECT_EQ(ReasonOf(Call(client)), v1::ERROR_REASON_NO_CREDENTIAL);
  EXPECT_TRUE(absl::IsUnauthenticated(Call(client)));
  client.token_path = folder_.Write("wrong", NewSecret());
  EXPECT_TRUE(absl::IsUnauthenticated(Call(client)));
  client.token_path = folder_.Write("right", token);
  EXPECT_TRUE(Call(client).ok()) << Call(client);

  const auto stub = v1::Inference::NewStub(*OpenChannel(client));
  grpc::ClientContext before, wrong, after;
  EXPECT_TRUE(Ask(*stub, before).ok());
  folder_.Write("right", NewSecret());
  EXPECT_TRUE(absl::IsUnauthenticated(Ask(*stub, wrong))) << "a changed file counts for the next call";
  folder_.Write("right", token);
  EXPECT_TRUE(Ask(*stub, after).ok());
}

TEST_F(GrpcServerTest, LimitsOutOfRangeAreNamed) {
  EXPECT_TRUE(CheckServerLimits({}).ok());
  ServerLimits limits;
  limits.max_message_bytes = 100;
  limits.max_metadata_bytes = 2 << 20;
  limits.max_streams_per_connection = 0;
  limits.handshake_timeout = absl::ZeroDuration();
  limits.min_ping_interval = absl::Hours(2);
  const absl::Status status = CheckServerLimits(limits);
  for (const char* part : {"--max-message-bytes is 100, not in 1024 .. ", "--max-metadata-bytes is 2097152",
                           "--max-streams-per-connection is 0",
                           "--handshake-timeout is 0, not in 100ms .. 1h", "--min-ping-interval is 2h"}) {
    EXPECT_NE(status.message().find(part), absl::string_view::npos) << part << " in " << status;
  }
}

TEST_F(GrpcServerTest, AMessageBeyondTheLimitIsRefused) {
  const ChannelOptions client = Start({.max_message_bytes = 10'000});
  const auto stub = v1::Inference::NewStub(*OpenChannel(client));
  grpc::ClientContext large, small;
  const absl::Status refused = Ask(*stub, large, std::string(20'000, 'x'));
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_NE(refused.message().find("10000"), absl::string_view::npos) << refused;
  EXPECT_TRUE(Ask(*stub, small, std::string(5'000, 'x')).ok()) << "on the same connection";
}

TEST_F(GrpcServerTest, MetadataBeyondTheLimitIsRefused) {
  const ChannelOptions client = Start({.max_metadata_bytes = 4 << 10});
  const auto stub = v1::Inference::NewStub(*OpenChannel(client));
  const auto elsewhere = v1::Inference::NewStub(*OpenChannel(client));
  grpc::ClientContext open, large, small;
  const auto stream = elsewhere->Generate(&open, v1::GenerateRequest());
  stream->WaitForInitialMetadata();
  large.AddMetadata("x-large", std::string(6 << 10, 'x'));
  small.AddMetadata("x-small", std::string(2 << 10, 'x'));
  const absl::Status refused = Ask(*stub, large);
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_NE(refused.message().find("metadata size exceeds limit"), absl::string_view::npos) << refused;
  EXPECT_TRUE(Ask(*elsewhere, small).ok());
  open.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED) << "it went on until now";
}

TEST_F(GrpcServerTest, CallsBeyondTheStreamsOfAConnectionWait) {
  const ChannelOptions client = Start({.max_streams_per_connection = 2});
  const auto stub = v1::Inference::NewStub(*OpenChannel(client));
  grpc::ClientContext first, second, third, elsewhere, fourth;
  const auto stream = stub->Generate(&first, v1::GenerateRequest());
  const auto other_stream = stub->Generate(&second, v1::GenerateRequest());
  stream->WaitForInitialMetadata();
  other_stream->WaitForInitialMetadata();
  third.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(300));
  EXPECT_TRUE(absl::IsDeadlineExceeded(Ask(*stub, third))) << "it was never sent";
  EXPECT_TRUE(Ask(*v1::Inference::NewStub(*OpenChannel(client)), elsewhere).ok()) << "on another connection";
  first.TryCancel();
  stream->Finish();
  EXPECT_TRUE(Ask(*stub, fourth).ok()) << "a stream is free again";
  second.TryCancel();
  other_stream->Finish();
}

TEST_F(GrpcServerTest, AConnectionThatPingsTooOftenIsEnded) {
  const ChannelOptions client = Start({.min_ping_interval = absl::Minutes(1)});
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", settings("\0\0\0\4\0\0\0\0\0", 9);
  const std::string ping("\0\0\10\6\0\0\0\0\0pingpong", 17);
  RawConnection connection(server_->port());
  connection.Send(preface + settings);
  for (int i = 0; i < 10; ++i) connection.Send(ping);
  EXPECT_NE(connection.ReadToEnd().find("too_many_pings"), std::string::npos) << "a GOAWAY frame";
  EXPECT_TRUE(Call(client).ok());
}

TEST_F(GrpcServerTest, AConnectionThatDoesNotGreetIsEnded) {
  const ChannelOptions client = Start({.handshake_timeout = absl::Milliseconds(200)});
  RawConnection silent(server_->port());
  EXPECT_TRUE(Call(client).ok()) << "meanwhile";
  silent.ReadToEnd();  // or this test hangs
  EXPECT_TRUE(Call(client).ok());
}

TEST_F(GrpcServerTest, HealthIsLive) {
  HealthService health;
  health.Set("", true);
  ServerOptions options;
  options.services = {&health};
  const auto server = GrpcServer::Start(options);
  ASSERT_TRUE(server.ok());
  ChannelOptions client;
  client.address = absl::StrCat("127.0.0.1:", (*server)->port());
  const auto stub = grpc::health::v1::Health::NewStub(*OpenChannel(client));
  grpc::health::v1::HealthCheckRequest request;
  HealthCheckResponse response;
  {
    grpc::ClientContext known, unknown;
    ASSERT_TRUE(stub->Check(&known, request, &response).ok());
    EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
    request.set_service("model/late");
    EXPECT_EQ(stub->Check(&unknown, request, &response).error_code(), grpc::StatusCode::NOT_FOUND);
  }
  grpc::ClientContext context;
  const auto watch = stub->Watch(&context, request);
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVICE_UNKNOWN);
  health.Set("model/late", false);
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  health.Set("model/late", false);
  health.Set("", false);
  health.Set("model/late", true);
  ASSERT_TRUE(watch->Read(&response)) << "only what changed for this name";
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  health.Shutdown();
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_FALSE(watch->Read(&response));
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED);
  health.Set("model/late", true);
  grpc::ClientContext after;
  ASSERT_TRUE(stub->Check(&after, request, &response).ok());
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
}

}  // namespace
}  // namespace hekla::service
