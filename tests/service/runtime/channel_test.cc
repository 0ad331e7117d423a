#include "service/runtime/channel.h"

#include <gmock/gmock.h>
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "service/runtime/grpc_server.h"
#include "service/runtime/health_service.h"
#include "tests/support/runtime/test_files.h"
#include "worker/base/check.h"

namespace hekla::service {
namespace {

using testing::HasSubstr;

TEST(ChannelTest, ATokenIsNotSentInTheOpen) {
  const TestFolder folder;
  ChannelOptions client;
  client.address = "203.0.113.7:1";
  client.token_path = folder.Write("token", "some-token-0123456789\n");
  EXPECT_TRUE(absl::IsFailedPrecondition(OpenChannel(client).status()));
  client.insecure = true;
  EXPECT_TRUE(OpenChannel(client).ok());
}

TEST(ChannelTest, BadFilesAreErrorsBeforeAnythingIsSent) {
  const TestCa ca;
  ChannelOptions client;
  client.address = "127.0.0.1:1";
  const auto error = [&client] { return std::string(OpenChannel(client).status().message()); };
  client.tls_cert_path = ca.Path("client.pem");
  EXPECT_THAT(error(), HasSubstr("both a certificate and a key"));
  client.tls_key_path = ca.Path("client.key");
  EXPECT_THAT(error(), HasSubstr("without TLS"));
  client.tls_ca_path = ca.Path("none");
  EXPECT_THAT(error(), HasSubstr(ca.Path("none")));
  client.tls_ca_path = ca.Path("ca.key");
  EXPECT_THAT(error(), HasSubstr("ca.key: has no PEM certificate"));
  client.tls_ca_path = ca.Path("ca.pem");
  EXPECT_EQ(error(), "");
  client.tls_key_path = ca.Path("worker.key");
  EXPECT_THAT(error(), HasSubstr("worker.key: is not the key"));
}

// A server that asks for certificates, and a channel to it whose files are its own.
class TlsChannelTest : public testing::Test {
 protected:
  TlsChannelTest() {
    for (const char* name : {"ca", "client"}) client_files_.Take(server_files_, name);
    health_.Set("", true);
    options_.services = {&health_};
    options_.tls_cert_path = server_files_.Path("router.pem");
    options_.tls_key_path = server_files_.Path("router.key");
    options_.tls_client_ca_path = server_files_.Path("ca.pem");
    StartServer();
    ChannelOptions client;
    client.address = options_.address = absl::StrCat("127.0.0.1:", server_->port());
    client.tls_ca_path = client_files_.Path("ca.pem");
    client.tls_cert_path = client_files_.Path("client.pem");
    client.tls_key_path = client_files_.Path("client.key");
    const auto channel = OpenChannel(client);
    HEKLA_CHECK(channel.ok(), std::string(channel.status().message()).c_str());
    stub_ = grpc::health::v1::Health::NewStub(*channel);
  }

  void StartServer() {
    auto server = GrpcServer::Start(options_);
    HEKLA_CHECK(server.ok(), std::string(server.status().message()).c_str());
    server_ = *std::move(server);
  }

  // `patience` above 0: waits so long for a connection.
  bool Call(absl::Duration patience = absl::ZeroDuration()) {
    grpc::ClientContext context;
    if (patience > absl::ZeroDuration()) {
      context.set_wait_for_ready(true);
      context.set_deadline(absl::ToChronoTime(absl::Now() + patience));
    }
    grpc::health::v1::HealthCheckResponse response;
    return stub_->Check(&context, grpc::health::v1::HealthCheckRequest(), &response).ok();
  }

  const TestCa server_files_, client_files_;
  HealthService health_;
  ServerOptions options_;
  std::unique_ptr<GrpcServer> server_;
  std::unique_ptr<grpc::health::v1::Health::Stub> stub_;
};

TEST_F(TlsChannelTest, RenewedFilesAreUsedWhenTheConnectionIsMadeAgain) {
  EXPECT_TRUE(Call());
  // The server comes back with everything of another CA.
  const TestCa next;
  server_.reset();
  for (const char* name : {"ca", "router"}) server_files_.Take(next, name);
  StartServer();
  EXPECT_FALSE(Call());
  for (const char* name : {"ca", "client"}) client_files_.Take(next, name);
  EXPECT_TRUE(Eventually([this] { return Call(); })) << "the same channel, with the new files";
}

TEST_F(TlsChannelTest, BadNewFilesDoNoLastingHarm) {
  EXPECT_TRUE(Call());
  for (const char* name : {"ca.pem", "client.pem", "client.key"}) client_files_.Write(name, "no PEM");
  EXPECT_TRUE(Call()) << "the connection stands";
  server_.reset();
  EXPECT_FALSE(Call(absl::Seconds(3))) << "there is no server; meanwhile the files have been looked at";
  StartServer();
  Call(absl::Seconds(1));  // with files that are of no use
  for (const char* name : {"ca", "client"}) client_files_.Take(server_files_, name);
  EXPECT_TRUE(Eventually([this] { return Call(); }));
}

}  // namespace
}  // namespace hekla::service
