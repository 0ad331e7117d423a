#include "worker/load_report.h"

#include <gtest/gtest.h>

namespace hekla::worker {
namespace {

TEST(LoadReportTest, CarriesTheStatus) {
  engine::EngineStatus status;
  status.running = 2;
  status.waiting = 3;
  status.limits.kv_blocks = 10;
  status.kv_blocks_used = 4;
  status.queued_uncached_tokens = 77;
  status.steps_total = 9;
  status.last_step_age = absl::Milliseconds(1500);
  status.step_seconds_ewma = 0.25;
  status.device_memory_bytes = 1000;
  LoadReporter reporter;
  const v1::Load load = reporter.Read(status, false);
  EXPECT_EQ(load.running(), 2u);
  EXPECT_EQ(load.waiting(), 3u);
  EXPECT_EQ(load.free_kv_tokens(), 6u * 32u);
  EXPECT_EQ(load.queued_uncached_tokens(), 77u);
  EXPECT_EQ(load.steps_total(), 9u);
  EXPECT_EQ(load.last_step_age().seconds(), 1);
  EXPECT_EQ(load.last_step_age().nanos(), 500'000'000);
  EXPECT_EQ(load.step_seconds(), 0.25);
  EXPECT_EQ(load.device_memory_bytes(), 1000u);
  EXPECT_FALSE(load.draining());
  EXPECT_TRUE(reporter.Read(status, true).draining());
  status.draining = true;
  EXPECT_TRUE(reporter.Read(status, false).draining());
}

TEST(LoadReportTest, PrefillRateIsAMovingAverageAndStaysWhileIdle) {
  engine::EngineStatus status;
  LoadReporter reporter;
  EXPECT_EQ(reporter.Read(status, false).prefill_tokens_per_second(), 0);
  status.prefill_tokens_total = 100;
  status.prefill_step_seconds = 1;
  EXPECT_DOUBLE_EQ(reporter.Read(status, false).prefill_tokens_per_second(), 100);
  status.prefill_tokens_total = 400;
  status.mixed_step_seconds = 1;
  EXPECT_DOUBLE_EQ(reporter.Read(status, false).prefill_tokens_per_second(), 140);
  EXPECT_DOUBLE_EQ(reporter.Read(status, false).prefill_tokens_per_second(), 140);
}

TEST(LoadReportTest, OnlySomeChangesAreUrgent) {
  v1::Load a, b;
  b.set_steps_total(5);
  EXPECT_FALSE(DiffersMuch(a, b));
  b.set_running(1);
  EXPECT_TRUE(DiffersMuch(a, b));
  b = a;
  b.set_draining(true);
  EXPECT_TRUE(DiffersMuch(a, b));
}

}  // namespace
}  // namespace hekla::worker
