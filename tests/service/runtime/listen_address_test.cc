#include "service/runtime/listen_address.h"

#include <gtest/gtest.h>

namespace hekla::service {
namespace {

constexpr const char* kLoopback[] = {"127.0.0.1:1",          "127.8.8.8:65535", "localhost:1",
                                     "LocalHost:0",          "[::1]:1",         "[0:0:0:0:0:0:0:1]:1",
                                     "[::ffff:127.0.0.1]:1", "unix:/run/hekla"};
constexpr const char* kBeyond[] = {"0.0.0.0:1",
                                   "10.0.0.1:1",
                                   "[::]:1",
                                   "[::2]:1",
                                   "[::ffff:10.0.0.1]:1",
                                   "[fe80::1]:1",
                                   "example.org:1",
                                   "localhost.example.org:1",
                                   "127.example.org:1",
                                   "127.0.0.1.example.org:1",
                                   "127.1:1",
                                   "12.7.0.1:127",
                                   ":1",
                                   "*:1",
                                   "127.0.0.1",
                                   "127.0.0.1:",
                                   "::1:1",
                                   "[::1:1",
                                   "127.0.0.1:1,0.0.0.0:2",
                                   "127.0.0.1:1+0.0.0.0:2"};

TEST(ListenAddressTest, KnowsLoopback) {
  for (const char* address : kLoopback) EXPECT_TRUE(IsLoopback(address)) << address;
  for (const char* address : kBeyond) EXPECT_FALSE(IsLoopback(address)) << address;
}

TEST(ListenAddressTest, RefusesWhatIsBeyondLoopbackAndOpen) {
  for (const char* address : kLoopback)
    EXPECT_TRUE(CheckMayListen(address, false, false, "x", "y").ok()) << address;
  for (const char* address : kBeyond) {
    const absl::Status refused = CheckMayListen(address, false, false, "metrics", "Do that");
    EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << address;
    EXPECT_NE(refused.message().find(address), absl::string_view::npos);
    EXPECT_NE(refused.message().find("--insecure"), absl::string_view::npos);
    EXPECT_TRUE(CheckMayListen(address, true, false, "x", "y").ok()) << address;
    EXPECT_TRUE(CheckMayListen(address, false, true, "x", "y").ok()) << address;
  }
}

}  // namespace
}  // namespace hekla::service
