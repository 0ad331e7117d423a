#include "worker/metrics_source.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/support/engine_fake/fake_engine.h"

namespace hekla::worker {
namespace {

class Discard : public engine::TokenSink {
 public:
  void OnStarted(absl::Duration, int) override {}
  void OnTokens(engine::TokenEvent) override {}
};

schedule::Request Ask(int max_tokens) {
  schedule::Request request;
  request.prompt = {1, 2, 3};
  request.stop.max_tokens = max_tokens;
  return request;
}

// What a page shows of each family of ours: its type, and the labels of its samples but `le`.
struct Family {
  std::string type;
  std::set<std::string> labels;  // such as {kind="decode"}
  bool operator==(const Family& other) const { return type == other.type && labels == other.labels; }
};

std::map<std::string, Family> FamiliesOf(const std::string& page) {
  std::map<std::string, Family> families;
  for (absl::string_view line : absl::StrSplit(page, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    if (absl::StartsWith(line, "# TYPE hekla_worker_"))
      families[std::string(words[2])].type = std::string(words[3]);
    if (!absl::StartsWith(line, "hekla_worker_")) continue;
    std::string name(line.substr(0, line.find_first_of("{ ")));
    for (absl::string_view suffix : {"_bucket", "_sum", "_count"}) {
      const std::string base = name.substr(0, name.size() - std::min(name.size(), suffix.size()));
      if (absl::EndsWith(name, suffix) && families.count(base) > 0) name = base;
    }
    std::string labels;
    const size_t open = line.find('{');
    if (open != absl::string_view::npos) labels = std::string(line.substr(open, line.find('}') + 1 - open));
    if (absl::StrContains(labels, "le=\"")) continue;
    families[name].labels.insert(labels);
  }
  return families;
}

// The whole list, so that a name can neither vanish nor appear unnoticed: dashboards and alerts are made of
// them.
TEST(MetricsSourceTest, HasTheseFamiliesWithTheseLabelsAndNoOthers) {
  engine::FakeEngine engine{engine::FakeEngineOptions()};
  service::Metrics metrics;
  AddWorkerMetrics(&engine, LoadSeconds(), &metrics);
  const std::set<std::string> none = {""};
  const std::set<std::string> device = {"{device=\"fake\"}"};
  const std::map<std::string, Family> expected = {
      {"requests_running", {"gauge", none}},
      {"requests_waiting", {"gauge", none}},
      {"requests_parked", {"gauge", none}},
      {"queued_tokens", {"gauge", none}},
      {"kv_cache_usage_ratio", {"gauge", none}},
      {"cache_config_info", {"gauge", {"{block_size=\"32\",num_blocks=\"1032\"}"}}},
      {"sequences_limit", {"gauge", none}},
      {"draining", {"gauge", none}},
      {"preemptions_total", {"counter", none}},
      {"prefix_cache_query_tokens_total", {"counter", none}},
      {"prefix_cache_hit_tokens_total", {"counter", none}},
      {"parks_total", {"counter", none}},
      {"cancelled_total", {"counter", none}},
      {"tokens_total", {"counter", {"{kind=\"prefill\"}", "{kind=\"decode\"}"}}},
      {"step_seconds", {"histogram", {"{kind=\"prefill\"}", "{kind=\"decode\"}", "{kind=\"mixed\"}"}}},
      {"step_seconds_ewma", {"gauge", none}},
      {"last_step_age_seconds", {"gauge", none}},
      {"job_phase_seconds",
       {"histogram",
        {"{phase=\"build\"}", "{phase=\"load\"}", "{phase=\"submit\"}", "{phase=\"execute\"}",
         "{phase=\"readback\"}"}}},
      {"step_tokens", {"histogram", none}},
      {"batch_sequences", {"histogram", none}},
      {"device_memory_bytes",
       {"gauge", {"{device=\"fake\",kind=\"used\"}", "{device=\"fake\",kind=\"budget\"}"}}},
      {"device_busy_seconds_total", {"counter", device}},
      {"device_bytes_read_total", {"counter", device}},
      {"device_lost_total", {"counter", none}},
      {"kernel_cache_hits_total", {"counter", none}},
      {"kernel_cache_misses_total", {"counter", none}},
      {"load_seconds",
       {"gauge", {"{phase=\"read\"}", "{phase=\"upload\"}", "{phase=\"compile\"}", "{phase=\"warmup\"}"}}},
      {"build_info", {"gauge", {"{version=\"0.1.0\"}"}}},
  };
  std::map<std::string, Family> found = FamiliesOf(metrics.Text());
  for (const auto& [name, family] : expected) {
    EXPECT_EQ(found["hekla_worker_" + name], family) << name << "\n" << metrics.Text();
    found.erase("hekla_worker_" + name);
  }
  for (const auto& [name, family] : found) ADD_FAILURE() << name << " is not in the list";
  engine.ObserveSteps({});
}

TEST(MetricsSourceTest, CountsEveryStepInTheHistograms) {
  engine::FakeEngineOptions options;
  options.gated = true;
  engine::FakeEngine engine(options);
  auto metrics = std::make_unique<service::Metrics>();
  AddWorkerMetrics(&engine, LoadSeconds(), metrics.get());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(engine.Submit(Ask(4), std::make_shared<Discard>()).ok());
  engine.Grant(4);
  ASSERT_TRUE(engine.AwaitIdle(absl::Seconds(20)));
  const uint64_t steps = engine.Status().steps_total;
  const std::string page = metrics->Text();
  for (const std::string& line :
       {absl::StrCat("hekla_worker_step_seconds_count{kind=\"decode\"} ", steps),
        std::string("hekla_worker_step_seconds_count{kind=\"prefill\"} 0"),
        absl::StrCat("hekla_worker_job_phase_seconds_count{phase=\"execute\"} ", steps),
        absl::StrCat("hekla_worker_step_tokens_count ", steps),
        std::string("hekla_worker_step_tokens_sum 12"), std::string("hekla_worker_batch_sequences_sum 12"),
        absl::StrCat("hekla_worker_batch_sequences_bucket{le=\"4\"} ", steps),
        absl::StrCat("hekla_worker_step_seconds_bucket{kind=\"decode\",le=\"+Inf\"} ", steps)}) {
    EXPECT_TRUE(absl::StrContains(page, line + "\n")) << line << "\n" << page;
  }
  engine.ObserveSteps({});
  metrics.reset();  // steps after it touch nothing
  ASSERT_TRUE(engine.Submit(Ask(1), std::make_shared<Discard>()).ok());
  engine.Grant(1);
  EXPECT_TRUE(engine.AwaitIdle(absl::Seconds(20)));
}

TEST(MetricsSourceTest, ShowsTheEnginesStatusOfTheMoment) {
  engine::FakeEngineOptions options;
  options.gated = true;
  engine::FakeEngine engine(options);
  service::Metrics metrics;
  AddWorkerMetrics(&engine, LoadSeconds{1.5, 2.5, 3.5, 4.5}, &metrics);
  auto has = [&](const std::string& line) { return metrics.Text().find(line) != std::string::npos; };
  EXPECT_TRUE(has("hekla_worker_requests_running 0")) << metrics.Text();
  EXPECT_TRUE(has("hekla_worker_load_seconds{phase=\"upload\"} 2.5"));
  EXPECT_TRUE(has("hekla_worker_load_seconds{phase=\"compile\"} 3.5"));
  EXPECT_TRUE(has("hekla_worker_device_memory_bytes{device=\"fake\",kind=\"budget\"} 4000"));
  EXPECT_TRUE(has("block_size=\"32\""));

  ASSERT_TRUE(engine.Submit(Ask(4), std::make_shared<Discard>()).ok());
  engine.Grant(4);
  ASSERT_TRUE(engine.AwaitIdle(absl::Seconds(20)));
  EXPECT_TRUE(has("hekla_worker_tokens_total{kind=\"decode\"} 4")) << metrics.Text();
  EXPECT_TRUE(has("hekla_worker_tokens_total{kind=\"prefill\"} 3"));
  EXPECT_TRUE(has("hekla_worker_requests_running 0"));
  EXPECT_TRUE(has("hekla_worker_kv_cache_usage_ratio 0"));
  engine.Drain();
  EXPECT_TRUE(has("hekla_worker_draining 1"));
  engine.ObserveSteps({});
}

}  // namespace
}  // namespace hekla::worker
