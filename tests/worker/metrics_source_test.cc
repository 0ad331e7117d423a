#include "worker/metrics_source.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/engine_fake/fake_engine.h"

namespace hekla::worker {
namespace {

TEST(MetricsSourceTest, ShowsTheEnginesStatusOfTheMoment) {
  engine::FakeEngineOptions options;
  options.gated = true;
  engine::FakeEngine engine(options);
  service::Metrics metrics;
  AddWorkerMetrics(&engine, LoadSeconds{1.5, 2.5, 3.5}, &metrics);
  auto has = [&](const std::string& line) { return metrics.Text().find(line) != std::string::npos; };
  EXPECT_TRUE(has("hekla_worker_requests_running 0")) << metrics.Text();
  EXPECT_TRUE(has("hekla_worker_load_seconds{phase=\"upload\"} 2.5"));
  EXPECT_TRUE(has("block_size=\"32\""));

  class Discard : public engine::TokenSink {
    void OnStarted(absl::Duration, int) override {}
    void OnTokens(engine::TokenEvent) override {}
  };
  schedule::Request request;
  request.prompt = {1, 2, 3};
  request.stop.max_tokens = 4;
  ASSERT_TRUE(engine.Submit(request, std::make_shared<Discard>()).ok());
  engine.Grant(4);
  ASSERT_TRUE(engine.AwaitIdle(absl::Seconds(20)));
  EXPECT_TRUE(has("hekla_worker_tokens_total{kind=\"decode\"} 4")) << metrics.Text();
  EXPECT_TRUE(has("hekla_worker_tokens_total{kind=\"prefill\"} 3"));
  EXPECT_TRUE(has("hekla_worker_requests_running 0"));
  EXPECT_TRUE(has("hekla_worker_kv_cache_usage_ratio 0"));
  engine.Drain();
  EXPECT_TRUE(has("hekla_worker_draining 1"));
}

}  // namespace
}  // namespace hekla::worker
