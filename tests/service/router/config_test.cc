#include "service/router/config.h"

#include <gtest/gtest.h>

namespace hekla::service {
namespace {

TEST(RouterConfigTest, TheDefaultsAreValid) { EXPECT_TRUE(RouterConfig().Validate().ok()); }

TEST(RouterConfigTest, EveryProblemIsNamedAtOnce) {
  RouterConfig config;
  config.listen = "8090";
  config.workers = {"host:99999"};
  config.tls_cert = "cert.pem";
  config.max_queued_requests = 0;
  config.log_level = "loud";
  config.spawn_workers = 65;
  const absl::Status status = config.Validate();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  for (const char* part :
       {"--listen: '8090'", "--worker: 'host:99999'", "--tls-key", "--max-queued-requests: 0",
        "--log-level: log level 'loud'", "--spawn-workers: 65, 0 to 64"}) {
    EXPECT_NE(status.message().find(part), absl::string_view::npos) << part << " in " << status;
  }
}

TEST(RouterConfigTest, FlagsFillIt) {
  RouterConfig config;
  CommandLine line = RouterCommandLine(&config);
  ASSERT_TRUE(line.Parse({"--listen", "127.0.0.1:1", "--worker", "a:1", "--worker=b:2", "--drain-limit", "5s",
                          "--insecure", "--max-queued-requests", "7"})
                  .ok());
  EXPECT_EQ(config.listen, "127.0.0.1:1");
  EXPECT_EQ(config.workers, (std::vector<std::string>{"a:1", "b:2"}));
  EXPECT_EQ(config.drain_limit, absl::Seconds(5));
  EXPECT_TRUE(config.insecure);
  EXPECT_EQ(config.max_queued_requests, 7);
}

TEST(RouterConfigTest, FlagsOfWorkersNeedWorkers) {
  RouterConfig config;
  config.spawn_flags = {"--model"};
  config.spawn_program = "hekla-worker";
  const absl::Status status = config.Validate();
  EXPECT_NE(status.message().find("unexpected argument '--model'"), absl::string_view::npos) << status;
  EXPECT_NE(status.message().find("--spawn-program needs --spawn-workers"), absl::string_view::npos)
      << status;
  config.spawn_workers = 1;
  EXPECT_TRUE(config.Validate().ok());
}

}  // namespace
}  // namespace hekla::service
