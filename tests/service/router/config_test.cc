#include "service/router/config.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

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
  const absl::Status status = config.Validate();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  for (const char* part : {"--listen: '8090'", "--worker: 'host:99999'", "--tls-key",
                           "--max-queued-requests: 0", "--log-level: log level 'loud'"}) {
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

class ConfigFileTest : public testing::Test {
 protected:
  ConfigFileTest() : path_(testing::TempDir() + "/hekla-router-config-test") {}
  ~ConfigFileTest() override { std::remove(path_.c_str()); }
  void Write(const std::string& text) { std::ofstream(path_) << text; }
  const std::string path_;
};

TEST_F(ConfigFileTest, ItsFlagsCountWhereTheCommandLineHasNone) {
  Write("# limits\nmax-queued-requests 7\n\n  queue-timeout\t 5s \nworker a:1\nworker b:2\nlog-json\nlog-level=debug\n");
  const auto config = LoadRouterConfig({"--config", path_, "--queue-timeout", "9s", "--worker", "c:3"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->max_queued_requests, 7);
  EXPECT_EQ(config->queue_timeout, absl::Seconds(9));
  EXPECT_EQ(config->workers, (std::vector<std::string>{"a:1", "b:2", "c:3"}));
  EXPECT_TRUE(config->log_json);
  EXPECT_EQ(config->log_level, "debug");
}

TEST_F(ConfigFileTest, ErrorsNameFileAndFlag) {
  EXPECT_TRUE(absl::IsNotFound(LoadRouterConfig({"--config", path_}).status()));
  Write("max-queued-requests many\n");
  const absl::Status bad = LoadRouterConfig({"--config", path_}).status();
  EXPECT_TRUE(absl::IsInvalidArgument(bad)) << bad;
  EXPECT_NE(bad.message().find("--max-queued-requests: 'many'"), absl::string_view::npos) << bad;
  EXPECT_NE(bad.message().find(path_), absl::string_view::npos) << bad;
  Write("no-such-flag 1\n");
  EXPECT_NE(LoadRouterConfig({"--config", path_}).status().message().find("--no-such-flag"),
            absl::string_view::npos);
  Write("log-json yes\n");
  EXPECT_NE(LoadRouterConfig({"--config", path_}).status().message().find("'yes' belongs to no flag"),
            absl::string_view::npos);
  EXPECT_TRUE(absl::IsInvalidArgument(LoadRouterConfig({"--max-queued-requests", "0"}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(LoadRouterConfig({"stray"}).status()));
}

}  // namespace
}  // namespace hekla::service
