#include "service/runtime/metrics.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "service/runtime/process_stats.h"

namespace hekla::service {
namespace {

// GET /metrics over a plain socket.
std::string Scrape(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request = "GET /metrics HTTP/1.0\r\n\r\n";
    EXPECT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
    char buffer[4096];
    for (ssize_t count; (count = read(fd, buffer, sizeof(buffer))) > 0;)
      answer.append(buffer, static_cast<size_t>(count));
  }
  close(fd);
  return answer;
}

TEST(MetricsTest, CountersAndHistograms) {
  Metrics metrics;
  Counter* counter = metrics.AddCounter("things_total", "Things.", {{"kind", "a"}});
  counter->Add();
  counter->Add(2);
  EXPECT_EQ(metrics.AddCounter("things_total", "Things.", {{"kind", "a"}}), counter);
  EXPECT_NE(metrics.AddCounter("things_total", "Things.", {{"kind", "b"}}), counter);
  Histogram* histogram = metrics.AddHistogram("seconds", "Time.", {0.1, 1});
  histogram->Observe(0.05);
  histogram->Observe(5);
  const std::string text = metrics.Text();
  EXPECT_TRUE(absl::StrContains(text, "things_total{kind=\"a\"} 3")) << text;
  EXPECT_TRUE(absl::StrContains(text, "seconds_bucket{le=\"0.1\"} 1")) << text;
  EXPECT_TRUE(absl::StrContains(text, "seconds_count 2")) << text;
}

TEST(MetricsTest, GaugesAreReadAtEachScrape) {
  Metrics metrics;
  double value = 1;
  metrics.AddGauges("level", "Level.", [&] { return std::vector<Sample>{{{{"of", "tank"}}, value}}; });
  metrics.AddReadCounters("kept_total", "Kept elsewhere.", [&] {
    return std::vector<Sample>{{{}, 10 * value}};
  });
  EXPECT_TRUE(absl::StrContains(metrics.Text(), "level{of=\"tank\"} 1\n"));
  value = 2;
  EXPECT_TRUE(absl::StrContains(metrics.Text(), "level{of=\"tank\"} 2\n"));
  EXPECT_TRUE(absl::StrContains(metrics.Text(), "# TYPE kept_total counter\nkept_total 20\n"))
      << metrics.Text();
  metrics.Stop();
  EXPECT_FALSE(absl::StrContains(metrics.Text(), "level{"));
}

TEST(MetricsTest, ServesHttp) {
  Metrics metrics;
  metrics.AddCounter("served_total", "Served.")->Add(7);
  ASSERT_TRUE(metrics.Serve("127.0.0.1:0").ok());
  ASSERT_GT(metrics.port(), 0);
  EXPECT_TRUE(absl::StrContains(Scrape(metrics.port()), "served_total 7"));
  Metrics second;
  EXPECT_TRUE(absl::IsUnavailable(second.Serve(absl::StrCat("127.0.0.1:", metrics.port()))));
}

TEST(MetricsTest, StopsWithoutAWait) {
  for (const char* address : {"127.0.0.1:0", "0.0.0.0:0", "localhost:0", "[::1]:0", "[::]:0"}) {
    Metrics metrics;
    if (!metrics.Serve(address).ok()) continue;  // no IPv6, or not a form it takes
    const absl::Time begin = absl::Now();
    metrics.Stop();
    EXPECT_LT(absl::Now() - begin, absl::Seconds(1)) << address;
    EXPECT_EQ(metrics.port(), 0);
  }
}

TEST(MetricsTest, BucketsAscend) {
  for (const auto& bounds : {TokenLatencyBuckets(), FirstTokenBuckets(), DurationBuckets(), QueueBuckets(),
                             ReactionBuckets(), OverheadBuckets(), TokenCountBuckets()}) {
    EXPECT_TRUE(std::is_sorted(bounds.begin(), bounds.end()));
    EXPECT_EQ(std::adjacent_find(bounds.begin(), bounds.end()), bounds.end());
  }
}

TEST(MetricsTest, ProcessStats) {
  const ProcessStats stats = ReadProcessStats();
  EXPECT_GT(stats.resident_bytes, 1e6);
  EXPECT_GE(stats.threads, 1);
  EXPECT_GE(stats.open_fds, 3);
  EXPECT_GT(stats.start_time_seconds, 1e9);
  Metrics metrics;
  metrics.AddProcessMetrics();
  EXPECT_TRUE(absl::StrContains(metrics.Text(), "process_resident_memory_bytes "));
}

}  // namespace
}  // namespace hekla::service
