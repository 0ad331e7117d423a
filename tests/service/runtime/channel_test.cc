#include "service/runtime/channel.h"

#include <gmock/gmock.h>
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "service/runtime/grpc_server.h"
#include "service/runtime/health_service.h"
#include "tests/support/runtime/test_files.h"

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

TEST(ChannelTest, RenewedFilesAreUsedWhenTheConnectionIsMadeAgain) {
  const TestCa server_ca, client_files, next_ca;
  for (const char* name : {"ca", "client"}) client_files.Take(server_ca, name);
  HealthService health;
  health.Set("", true);
  ServerOptions options;
  options.services = {&health};
  options.tls_cert_path = server_ca.Path("router.pem");
  options.tls_key_path = server_ca.Path("router.key");
  options.tls_client_ca_path = server_ca.Path("ca.pem");
  auto server = GrpcServer::Start(options);
  ASSERT_TRUE(server.ok()) << server.status();
  ChannelOptions client;
  client.address = options.address = absl::StrCat("127.0.0.1:", (*server)->port());
  client.tls_ca_path = client_files.Path("ca.pem");
  client.tls_cert_path = client_files.Path("client.pem");
  client.tls_key_path = client_files.Path("client.key");
  const auto channel = OpenChannel(client);
  ASSERT_TRUE(channel.ok()) << channel.status();
  const auto stub = grpc::health::v1::Health::NewStub(*channel);
  const auto call = [&stub] {
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckResponse response;
    return stub->Check(&context, grpc::health::v1::HealthCheckRequest(), &response).ok();
  };
  EXPECT_TRUE(call());

  // The server comes back with everything of another CA.
  server->reset();
  for (const char* name : {"ca", "router"}) server_ca.Take(next_ca, name);
  server = GrpcServer::Start(options);
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_FALSE(call());
  for (const char* name : {"ca", "client"}) client_files.Take(next_ca, name);
  EXPECT_TRUE(Eventually(call)) << "the same channel, with the new files";
}

}  // namespace
}  // namespace hekla::service
