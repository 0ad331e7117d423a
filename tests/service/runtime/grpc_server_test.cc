// Server, channel, health, auth together, over real sockets.
#include "service/runtime/grpc_server.h"

#include <grpcpp/client_context.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "hekla/v1/inference.grpc.pb.h"
#include "service/runtime/auth.h"
#include "service/runtime/channel.h"
#include "service/runtime/health_service.h"
#include "service/runtime/status.h"

namespace hekla::service {
namespace {

using grpc::health::v1::HealthCheckResponse;

// Answers GetModel for those who may call.
class GuardedService final : public v1::Inference::CallbackService {
 public:
  explicit GuardedService(Authenticator authenticator) : authenticator_(std::move(authenticator)) {}
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context, const v1::GetModelRequest*,
                                     v1::Model* model) override {
    model->set_name("guarded");
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(ToGrpc(authenticator_.Check(*context)));
    return reactor;
  }

 private:
  const Authenticator authenticator_;
};

absl::Status Call(const ChannelOptions& options) {
  const auto channel = OpenChannel(options);
  if (!channel.ok()) return channel.status();
  grpc::ClientContext context;
  v1::Model model;
  return FromGrpc(v1::Inference::NewStub(*channel)->GetModel(&context, {}, &model));
}

class GrpcServerTest : public testing::Test {
 protected:
  GrpcServerTest()
      : folder_(std::filesystem::temp_directory_path() / absl::StrCat("hekla-server-", getpid())) {
    std::filesystem::create_directories(folder_);
  }
  ~GrpcServerTest() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& content) {
    const std::string path = folder_ / name;
    std::ofstream(path) << content;
    return path;
  }
  const std::filesystem::path folder_;
};

TEST_F(GrpcServerTest, KnowsLoopback) {
  for (const char* address : {"127.0.0.1:1", "127.8.8.8:1", "localhost:1", "[::1]:1", "unix:socket"}) {
    EXPECT_TRUE(IsLoopback(address)) << address;
  }
  for (const char* address : {"0.0.0.0:1", "10.0.0.1:1", "[::]:1", "example.org:1", ":1", "12.7.0.1:127"}) {
    EXPECT_FALSE(IsLoopback(address)) << address;
  }
}

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
  options.tls_key_path = folder_ / "no-such-key.pem";
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
  EXPECT_TRUE(absl::IsNotFound(Authenticator::Create(folder_ / "none").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Authenticator::Create(Write("short", "abc\n")).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Authenticator::Create(Write("empty", "# nothing\n\n")).status()));
  auto authenticator =
      Authenticator::Create(Write("tokens", "# two\nfirst-token-0123456789\n  second-token-0123456789 \n"));
  ASSERT_TRUE(authenticator.ok());
  GuardedService service(*std::move(authenticator));
  ServerOptions options;
  options.services = {&service};
  const auto server = GrpcServer::Start(options);
  ASSERT_TRUE(server.ok());
  ChannelOptions client;
  client.address = absl::StrCat("127.0.0.1:", (*server)->port());
  EXPECT_EQ(ReasonOf(Call(client)), v1::ERROR_REASON_NO_CREDENTIAL);
  EXPECT_TRUE(absl::IsUnauthenticated(Call(client)));
  client.token_path = Write("wrong", "second-token-0123456780\n");
  EXPECT_TRUE(absl::IsUnauthenticated(Call(client)));
  client.token_path = Write("right", "second-token-0123456789\n");
  EXPECT_TRUE(Call(client).ok()) << Call(client);
}

TEST_F(GrpcServerTest, ATokenIsNotSentInTheOpen) {
  ChannelOptions client;
  client.address = "203.0.113.7:1";
  client.token_path = Write("token", "some-token-0123456789\n");
  EXPECT_TRUE(absl::IsFailedPrecondition(OpenChannel(client).status()));
  client.insecure = true;
  EXPECT_TRUE(OpenChannel(client).ok());
}

TEST_F(GrpcServerTest, SpeaksTls) {
  const std::string cert = folder_ / "cert.pem", key = folder_ / "key.pem";
  const std::string make = absl::StrCat(
      "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext "
      "subjectAltName=IP:127.0.0.1 "
      "-keyout ",
      key, " -out ", cert, " 2>/dev/null");
  if (std::system(make.c_str()) != 0) GTEST_SKIP() << "no openssl command to make a certificate with";
  GuardedService service{Authenticator()};
  ServerOptions options;
  options.address = "0.0.0.0:0";
  options.tls_cert_path = cert;
  options.tls_key_path = key;
  options.services = {&service};
  const auto server = GrpcServer::Start(options);
  ASSERT_TRUE(server.ok()) << server.status();
  ChannelOptions client;
  client.address = absl::StrCat("127.0.0.1:", (*server)->port());
  EXPECT_FALSE(Call(client).ok()) << "plain text";
  client.tls = true;
  EXPECT_FALSE(Call(client).ok()) << "a certificate that nobody signed";
  client.tls_ca_path = cert;
  EXPECT_TRUE(Call(client).ok()) << Call(client);

  // With a client CA only those with a certificate may call.
  GuardedService mutual{Authenticator()};
  options.tls_client_ca_path = cert;
  options.services = {&mutual};
  const auto mutual_server = GrpcServer::Start(options);
  ASSERT_TRUE(mutual_server.ok());
  client.address = absl::StrCat("127.0.0.1:", (*mutual_server)->port());
  EXPECT_FALSE(Call(client).ok());
  client.tls_cert_path = cert;
  client.tls_key_path = key;
  EXPECT_TRUE(Call(client).ok()) << Call(client);
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
