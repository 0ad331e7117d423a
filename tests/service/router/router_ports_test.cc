// Ports that would be open to others: refused, each of them, unless told.
#include <gtest/gtest.h>

#include "service/router/router.h"
#include "service/runtime/secret.h"
#include "tests/support/runtime/test_files.h"

namespace hekla::service {
namespace {

RouterConfig OnFreePorts() {
  RouterConfig config;
  config.listen = config.admin_listen = config.metrics_listen = "127.0.0.1:0";
  return config;
}

constexpr const char* kBeyond[] = {"0.0.0.0:0",          "[::]:0",
                                   "[::ffff:0.0.0.0]:0", "router.example.org:0",
                                   "127.example.org:0",  "127.0.0.1.example.org:0"};

TEST(RouterPortsTest, NoneIsOpenBeyondLoopbackUnlessTold) {
  const TestFolder folder;
  const std::string tokens = folder.Write("tokens", "sha256:" + Sha256Hex("x") + " tenant=operators");
  for (const char* address : kBeyond) {
    RouterConfig clients = OnFreePorts(), operators = OnFreePorts(), metrics = OnFreePorts();
    clients.listen = address;
    operators.admin_listen = address;
    operators.admin_token_file = tokens;
    metrics.metrics_listen = address;
    for (const RouterConfig& config : {clients, operators, metrics}) {
      const absl::Status refused = Router::Start(config).status();
      EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << address << ": " << refused;
      EXPECT_NE(refused.message().find(address), absl::string_view::npos) << refused;
      EXPECT_NE(refused.message().find("--insecure"), absl::string_view::npos) << refused;
    }
  }
  RouterConfig told;
  told.listen = told.admin_listen = told.metrics_listen = "0.0.0.0:0";
  told.insecure = true;
  EXPECT_TRUE(Router::Start(told).ok()) << Router::Start(told).status();
}

TEST(RouterPortsTest, WithTlsTheGrpcPortsMayBeOpenAndMetricsNot) {
  const TestCa ca;
  RouterConfig config = OnFreePorts();
  config.listen = config.admin_listen = "0.0.0.0:0";
  config.tls_cert = ca.Path("router.pem");
  config.tls_key = ca.Path("router.key");
  config.tls_client_ca = ca.Path("ca.pem");
  EXPECT_TRUE(Router::Start(config).ok()) << Router::Start(config).status();
  config.metrics_listen = "0.0.0.0:0";
  EXPECT_TRUE(absl::IsFailedPrecondition(Router::Start(config).status())) << "metrics have no TLS";
}

}  // namespace
}  // namespace hekla::service
