#include "service/router/router_metrics.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/support/service/fake_worker.h"
#include "tests/support/service/router_fixture.h"

namespace hekla::service {
namespace {

// Dashboards and alerts are written against these names.
TEST(RouterMetricsTest, EveryFamilyIsThere) {
  RouterFixture fixture;
  const auto worker = fixture.AddWorker("w0");
  EXPECT_TRUE(fixture.Generate(RouterFixture::Request(5)).status.ok());
  EXPECT_FALSE(fixture.Generate(v1::GenerateRequest()).status.ok());
  ASSERT_TRUE(fixture.AwaitMetric("hekla_router_rejected_total{"));
  ASSERT_TRUE(fixture.AwaitMetric("hekla_router_requests_finished_total{"));
  const std::string page = fixture.router().metrics().Text();
  const struct {
    const char* name;
    const char* kind;
  } families[] = {
      {"requests_started_total", "counter"},
      {"requests_finished_total", "counter"},
      {"rejected_total", "counter"},
      {"time_to_first_token_seconds", "histogram"},
      {"inter_token_latency_seconds", "histogram"},
      {"time_per_output_token_seconds", "histogram"},
      {"request_duration_seconds", "histogram"},
      {"queue_wait_seconds", "histogram"},
      {"overhead_seconds", "histogram"},
      {"prompt_tokens", "histogram"},
      {"output_tokens", "histogram"},
      {"prompt_tokens_total", "counter"},
      {"output_tokens_total", "counter"},
      {"inflight", "gauge"},
      {"oldest_inflight_seconds", "gauge"},
      {"queued_requests", "gauge"},
      {"queued_tokens", "gauge"},
      {"workers", "gauge"},
      {"worker_inflight", "gauge"},
      {"worker_lease_age_seconds", "gauge"},
      {"worker_breaker", "gauge"},
      {"worker_lost_total", "counter"},
      {"worker_detect_seconds", "histogram"},
      {"retries_total", "counter"},
      {"resumes_total", "counter"},
      {"poison_total", "counter"},
      {"route_total", "counter"},
      {"cancel_to_free_seconds", "histogram"},
      {"client_cancel_total", "counter"},
      {"slow_consumer_total", "counter"},
      {"loop_delay_seconds", "histogram"},
      {"build_info", "gauge"},
  };
  for (const auto& family : families) {
    EXPECT_TRUE(absl::StrContains(page, absl::StrCat("# TYPE hekla_router_", family.name, " ", family.kind, "\n")))
        << family.name;
    EXPECT_TRUE(absl::StrContains(page, absl::StrCat("\nhekla_router_", family.name))) << family.name << " is empty";
  }
  EXPECT_TRUE(absl::StrContains(page, "process_resident_memory_bytes"));
}

TEST(RouterMetricsTest, ClosedSetsStartAtZero) {
  RouterFixture fixture;
  const std::string page = fixture.router().metrics().Text();
  for (const char* line :
       {"hekla_router_requests_started_total{method=\"BatchGenerate\"} 0",
        "hekla_router_retries_total{cause=\"lost\",result=\"failed\"} 0",
        "hekla_router_resumes_total{cause=\"stalled\",result=\"ok\"} 0",
        "hekla_router_client_cancel_total{phase=\"decode\"} 0", "hekla_router_route_total{branch=\"panic\"} 0",
        "hekla_router_poison_total 0", "hekla_router_worker_lost_total{cause=\"stalled\"} 0",
        "hekla_router_workers{state=\"broken\"} 0"}) {
    EXPECT_TRUE(absl::StrContains(page, absl::StrCat(line, "\n"))) << line;
  }
}

TEST(RouterMetricsTest, FinishReasonLabels) {
  EXPECT_EQ(FinishReasonLabel(v1::FINISH_REASON_EOS), "eos");
  EXPECT_EQ(FinishReasonLabel(v1::FINISH_REASON_UNSPECIFIED), "");
  EXPECT_EQ(FinishReasonLabel(static_cast<v1::FinishReason>(99)), "");
}

}  // namespace
}  // namespace hekla::service
