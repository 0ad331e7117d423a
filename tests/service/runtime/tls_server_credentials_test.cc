// Over real sockets: renewed files, certificates that must not pass.
#include "service/runtime/tls_server_credentials.h"

#include <gmock/gmock.h>
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "service/runtime/channel.h"
#include "service/runtime/grpc_server.h"
#include "service/runtime/health_service.h"
#include "service/runtime/status.h"
#include "tests/support/runtime/test_files.h"

namespace hekla::service {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using testing::HasSubstr;

class TlsServerCredentialsTest : public testing::Test {
 protected:
  void Start(bool mutual) {
    ServerOptions options;
    options.tls_cert_path = ca_.Path("router.pem");
    options.tls_key_path = ca_.Path("router.key");
    if (mutual) options.tls_client_ca_path = ca_.Path("ca.pem");
    options.services = {&health_};
    auto server = GrpcServer::Start(options);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    health_.Set("", true);
    client_.address = absl::StrCat("127.0.0.1:", server_->port());
    client_.tls_ca_path = ca_.Path("ca.pem");
  }

  ChannelOptions As(const TestCa& ca, const std::string& name) const {
    ChannelOptions options = client_;
    options.tls_cert_path = ca.Path(name + ".pem");
    options.tls_key_path = ca.Path(name + ".key");
    return options;
  }

  // A call on a connection of its own; *certificate is what the server showed.
  static absl::Status Call(const ChannelOptions& options, std::string* certificate = nullptr) {
    const auto channel = OpenChannel(options);
    if (!channel.ok()) return channel.status();
    grpc::ClientContext context;
    HealthCheckResponse response;
    const grpc::Status status = Health::NewStub(*channel)->Check(&context, HealthCheckRequest(), &response);
    if (certificate != nullptr && status.ok()) {
      const auto shown = context.auth_context()->FindPropertyValues("x509_pem_cert");
      certificate->assign(shown.at(0).data(), shown.at(0).size());
    }
    return FromGrpc(status);
  }

  std::string Shown() const {
    std::string certificate;
    const absl::Status status = Call(client_, &certificate);
    EXPECT_TRUE(status.ok()) << status;
    return certificate;
  }

  const TestCa ca_;
  HealthService health_;
  std::unique_ptr<GrpcServer> server_;
  ChannelOptions client_;
};

TEST_F(TlsServerCredentialsTest, BadFilesAreNamedAtTheStart) {
  const auto error = [](TlsServerPaths paths) {
    return std::string(MakeTlsServerCredentials(paths).status().message());
  };
  const std::string cert = ca_.Path("router.pem"), key = ca_.Path("router.key");
  EXPECT_THAT(error({ca_.Path("none"), key, ""}), HasSubstr(ca_.Path("none")));
  EXPECT_THAT(error({cert, ca_.Path("worker.key"), ""}), HasSubstr("is not the key of the certificate"));
  EXPECT_THAT(error({cert, key, key}), HasSubstr(key + ": has no PEM certificate"));
  EXPECT_EQ(error({cert, key, ca_.Path("ca.pem")}), "");
}

TEST_F(TlsServerCredentialsTest, RenewedFilesCountForNewConnectionsAndStreamsGoOn) {
  Start(false);
  const auto channel = OpenChannel(client_);
  ASSERT_TRUE(channel.ok());
  const auto stub = Health::NewStub(*channel);
  grpc::ClientContext context;
  const auto watch = stub->Watch(&context, HealthCheckRequest());
  HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));

  const std::string first = ca_.Read("router.pem");
  EXPECT_EQ(Shown(), first);
  ca_.Renew();
  const std::string second = ca_.Read("router.pem");
  ASSERT_NE(first, second);
  EXPECT_EQ(Shown(), second) << "at once, without a restart";

  health_.Set("", false);
  ASSERT_TRUE(watch->Read(&response)) << "the stream that began with the first certificate";
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  context.TryCancel();
}

TEST_F(TlsServerCredentialsTest, BadNewFilesLeaveTheGoodOnesInUse) {
  Start(false);
  const std::string good = ca_.Read("router.pem"), key = ca_.Read("router.key");
  EXPECT_EQ(Shown(), good);
  testing::internal::CaptureStderr();
  ca_.Write("router.pem", "not a certificate");
  EXPECT_EQ(Shown(), good);
  ca_.Write("router.pem", ca_.Read("worker.pem"));  // a good one, but the key is another's
  EXPECT_EQ(Shown(), good);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("tls_files_kept"));
  ca_.Write("router.key", ca_.Read("worker.key"));  // now they fit
  EXPECT_EQ(Shown(), ca_.Read("worker.pem"));
}

TEST_F(TlsServerCredentialsTest, ServersThatCannotBeTrustedAreNotCalled) {
  Start(false);
  EXPECT_TRUE(Call(client_).ok());
  const TestCa other;
  ChannelOptions options = client_;
  options.tls_ca_path = other.Path("ca.pem");
  EXPECT_TRUE(absl::IsUnavailable(Call(options))) << "signed by a CA that the client does not know";
  options = client_;
  options.tls_ca_path.clear();
  EXPECT_TRUE(absl::IsUnavailable(Call(options))) << "TLS against plain text";
  ca_.Renew(-1);
  EXPECT_TRUE(absl::IsUnavailable(Call(client_))) << "the server's certificate has ended";
  ca_.Renew();
  EXPECT_TRUE(Call(client_).ok()) << Call(client_);
}

TEST_F(TlsServerCredentialsTest, MutualTlsLetsInOnlyCertificatesOfItsCa) {
  Start(true);
  const TestCa other, ended;
  ended.Take(ca_, "ca");
  ended.Renew(-1);
  EXPECT_TRUE(Call(As(ca_, "client")).ok()) << Call(As(ca_, "client"));
  EXPECT_TRUE(Call(As(ca_, "worker")).ok());
  EXPECT_TRUE(absl::IsUnavailable(Call(client_))) << "no certificate";
  EXPECT_TRUE(absl::IsUnavailable(Call(As(other, "client")))) << "of another CA";
  EXPECT_TRUE(absl::IsUnavailable(Call(As(ended, "client")))) << "of the right CA, but it has ended";
  EXPECT_TRUE(Call(As(ca_, "client")).ok()) << "the ones before did no harm";
}

TEST_F(TlsServerCredentialsTest, ANewClientCaCountsForNewConnections) {
  Start(true);
  const TestCa other;
  const ChannelOptions before = As(ca_, "client"), after = As(other, "client");
  EXPECT_TRUE(Call(before).ok());
  EXPECT_FALSE(Call(after).ok());
  ChannelOptions trusts_old_server = before;
  trusts_old_server.tls_ca_path = ca_.Write("old-ca.pem", ca_.Read("ca.pem"));
  ca_.Write("ca.pem", other.Read("ca.pem"));  // what the server asks callers for
  EXPECT_FALSE(Call(trusts_old_server).ok());
  trusts_old_server.tls_cert_path = after.tls_cert_path;
  trusts_old_server.tls_key_path = after.tls_key_path;
  EXPECT_TRUE(Call(trusts_old_server).ok()) << Call(trusts_old_server);
}

}  // namespace
}  // namespace hekla::service
