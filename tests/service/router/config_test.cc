#include "service/router/config.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "absl/strings/str_cat.h"

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

// Each line a configuration that would leave something open, and what is said about it.
TEST(RouterConfigTest, WhatWouldLeaveTheAdminPortOpenIsRefused) {
  RouterConfig clients_only;
  clients_only.token_file = "tokens";
  EXPECT_NE(clients_only.Validate().message().find("--token-file needs --admin-token-file"),
            absl::string_view::npos);
  clients_only.admin_token_file = "admin-tokens";
  EXPECT_TRUE(clients_only.Validate().ok());

  for (const char* address : {"0.0.0.0:1", "[::]:1", "10.1.2.3:1", "example.org:1", "127.example.org:1"}) {
    RouterConfig config;
    config.admin_listen = address;
    config.tls_cert = "cert";
    config.tls_key = "key";
    EXPECT_NE(config.Validate().message().find(absl::StrCat("anyone who reaches ", address)),
              absl::string_view::npos)
        << config.Validate();
    RouterConfig with_tokens = config, with_certificates = config, insecure = config;
    with_tokens.admin_token_file = "tokens";
    with_certificates.tls_client_ca = "ca";
    insecure.insecure = true;
    EXPECT_TRUE(with_tokens.Validate().ok());
    EXPECT_TRUE(with_certificates.Validate().ok());
    EXPECT_TRUE(insecure.Validate().ok());
  }
}

TEST(RouterConfigTest, LimitsAndPairsAreChecked) {
  RouterConfig config;
  config.limits.max_message_bytes = 1;
  config.max_prompt_bytes = 0;
  config.to_worker.tls_cert_path = "cert";
  const absl::Status status = config.Validate();
  for (const char* part : {"--max-message-bytes is 1", "--max-prompt-bytes: 0", "--worker-tls-key",
                           "--worker-tls-cert needs --worker-tls-ca"}) {
    EXPECT_NE(status.message().find(part), absl::string_view::npos) << part << " in " << status;
  }
}

TEST(RouterConfigTest, FlagsFillIt) {
  RouterConfig config;
  CommandLine line = RouterCommandLine(&config);
  ASSERT_TRUE(line.Parse({"--listen",
                          "127.0.0.1:1",
                          "--worker",
                          "a:1",
                          "--worker=b:2",
                          "--drain-limit",
                          "5s",
                          "--insecure",
                          "--max-queued-requests",
                          "7",
                          "--max-message-bytes",
                          "4096",
                          "--max-metadata-bytes=2048",
                          "--max-streams-per-connection",
                          "3",
                          "--handshake-timeout",
                          "2s",
                          "--min-ping-interval",
                          "1s",
                          "--max-prompt-bytes",
                          "9"})
                  .ok());
  EXPECT_EQ(config.listen, "127.0.0.1:1");
  EXPECT_EQ(config.workers, (std::vector<std::string>{"a:1", "b:2"}));
  EXPECT_EQ(config.drain_limit, absl::Seconds(5));
  EXPECT_TRUE(config.insecure);
  EXPECT_EQ(config.max_queued_requests, 7);
  EXPECT_EQ(config.limits.max_message_bytes, 4096);
  EXPECT_EQ(config.limits.max_metadata_bytes, 2048);
  EXPECT_EQ(config.limits.max_streams_per_connection, 3);
  EXPECT_EQ(config.limits.handshake_timeout, absl::Seconds(2));
  EXPECT_EQ(config.limits.min_ping_interval, absl::Seconds(1));
  EXPECT_EQ(config.max_prompt_bytes, 9);
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
