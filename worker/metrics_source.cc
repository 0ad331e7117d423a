#include "worker/metrics_source.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace hekla::worker {
namespace {

using engine::EngineStatus;
using service::Sample;

// Turns a function of the status into one of the scrape.
using ReadStatus = std::function<std::vector<Sample>(const EngineStatus&)>;

class Source {
 public:
  Source(const engine::EngineInterface* engine, service::Metrics* metrics)
      : engine_(engine), metrics_(metrics) {}

  void Gauge(const std::string& name, const std::string& help, ReadStatus read) {
    metrics_->AddGauges("hekla_worker_" + name, help, Bind(std::move(read)));
  }
  void Counter(const std::string& name, const std::string& help, ReadStatus read) {
    metrics_->AddReadCounters("hekla_worker_" + name, help, Bind(std::move(read)));
  }

 private:
  service::Metrics::ReadSamples Bind(ReadStatus read) const {
    return [engine = engine_, read = std::move(read)] { return read(engine->Status()); };
  }
  const engine::EngineInterface* const engine_;
  service::Metrics* const metrics_;
};

std::vector<Sample> One(double value) { return {{{}, value}}; }

double Ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

void AddScheduling(Source* source) {
  source->Gauge("requests_running", "Requests in the batch.",
                [](const EngineStatus& s) { return One(s.running); });
  source->Gauge("requests_waiting", "Requests admitted and not yet in the batch.",
                [](const EngineStatus& s) { return One(s.waiting); });
  source->Gauge("requests_parked", "Requests whose client reads too slowly: nothing is computed for them.",
                [](const EngineStatus& s) { return One(s.parked); });
  source->Gauge("queued_tokens", "Prompt tokens waiting or not yet computed.",
                [](const EngineStatus& s) { return One(static_cast<double>(s.queued_uncached_tokens)); });
  source->Gauge("kv_cache_usage_ratio", "Share of the KV blocks in use, 0 to 1.",
                [](const EngineStatus& s) { return One(Ratio(s.kv_blocks_used, s.limits.kv_blocks)); });
  source->Gauge("cache_config_info", "Always 1; block_size in tokens and num_blocks as labels.",
                [](const EngineStatus& s) {
                  return std::vector<Sample>{{{{"block_size", absl::StrCat(schedule::kBlockTokens)},
                                               {"num_blocks", absl::StrCat(s.limits.kv_blocks)}},
                                              1}};
                });
  source->Gauge("sequences_limit", "Sequences that can run at once.",
                [](const EngineStatus& s) { return One(s.limits.max_sequences); });
  source->Gauge("draining", "1 while no new requests are taken.",
                [](const EngineStatus& s) { return One(s.draining); });
  source->Counter("preemptions_total", "Sequences that lost their KV blocks and are computed again.",
                  [](const EngineStatus& s) { return One(static_cast<double>(s.preemptions_total)); });
  source->Counter("parks_total", "Times a request was parked because its client read too slowly.",
                  [](const EngineStatus& s) { return One(static_cast<double>(s.parks_total)); });
  source->Counter("cancelled_total", "Requests cancelled before their end.",
                  [](const EngineStatus& s) { return One(static_cast<double>(s.cancelled_total)); });
  source->Counter("prefix_cache_query_tokens_total", "Prompt tokens of requests that were started.",
                  [](const EngineStatus& s) { return One(static_cast<double>(s.prompt_tokens_total)); });
  source->Counter("prefix_cache_hit_tokens_total", "Of those, tokens whose KV memory was there already.",
                  [](const EngineStatus& s) { return One(static_cast<double>(s.shared_tokens_total)); });
  source->Counter("tokens_total", "Tokens computed, by kind.", [](const EngineStatus& s) {
    return std::vector<Sample>{{{{"kind", "prefill"}}, static_cast<double>(s.prefill_tokens_total)},
                               {{{"kind", "decode"}}, static_cast<double>(s.decode_tokens_total)}};
  });
}

// Sequences, not seconds.
const std::vector<double>& SequenceBuckets() {
  static const auto* bounds = new std::vector<double>{1, 2, 4, 8, 16, 32, 64, 128, 256, 512};
  return *bounds;
}

// The histograms of the steps. Belongs to the engine's observer.
class StepHistograms {
 public:
  explicit StepHistograms(service::Metrics* metrics) {
    for (const char* kind : {"prefill", "decode", "mixed"}) {
      seconds_.push_back(metrics->AddHistogram("hekla_worker_step_seconds",
                                               "Seconds of a step, by the kind of its rows.",
                                               service::TokenLatencyBuckets(), {{"kind", kind}}));
    }
    for (const auto& [name, field] : kPhases) {
      phases_.push_back(metrics->AddHistogram("hekla_worker_job_phase_seconds",
                                              "Seconds of a step, by phase.", service::TokenLatencyBuckets(),
                                              {{"phase", name}}));
    }
    tokens_ = metrics->AddHistogram("hekla_worker_step_tokens", "Tokens computed by a step.",
                                    service::TokenCountBuckets());
    sequences_ = metrics->AddHistogram("hekla_worker_batch_sequences", "Sequences that a step computed for.",
                                       SequenceBuckets());
  }

  void Observe(const engine::StepRecord& step) {
    seconds_[static_cast<size_t>(step.kind)]->Observe(step.seconds);
    for (size_t i = 0; i < phases_.size(); ++i) phases_[i]->Observe(step.phases.*kPhases[i].second);
    tokens_->Observe(step.tokens);
    sequences_->Observe(step.sequences);
  }

 private:
  static constexpr std::pair<const char*, double engine::PhaseSeconds::*> kPhases[] = {
      {"build", &engine::PhaseSeconds::build},
      {"load", &engine::PhaseSeconds::load},
      {"submit", &engine::PhaseSeconds::submit},
      {"execute", &engine::PhaseSeconds::execute},
      {"readback", &engine::PhaseSeconds::readback}};
  std::vector<service::Histogram*> seconds_;  // by StepKind
  std::vector<service::Histogram*> phases_;   // by kPhases
  service::Histogram *tokens_, *sequences_;
};

void AddSteps(Source* source) {
  source->Gauge("step_seconds_ewma", "Moving average of a step, seconds.",
                [](const EngineStatus& s) { return One(s.step_seconds_ewma); });
  source->Gauge("last_step_age_seconds", "Since the last finished step; 0 when no work is present.",
                [](const EngineStatus& s) { return One(absl::ToDoubleSeconds(s.last_step_age)); });
}

std::vector<Sample> OfDevice(const EngineStatus& status, double value) {
  return {{{{"device", status.device_name}}, value}};
}

void AddDevice(Source* source) {
  source->Gauge("device_memory_bytes", "Device memory: used by the model, and what the device has.",
                [](const EngineStatus& s) {
                  std::vector<Sample> samples = {{{{"device", s.device_name}, {"kind", "used"}},
                                                  static_cast<double>(s.device_memory_bytes)}};
                  if (s.device_memory_budget_bytes > 0) {
                    samples.push_back({{{"device", s.device_name}, {"kind", "budget"}},
                                       static_cast<double>(s.device_memory_budget_bytes)});
                  }
                  return samples;
                });
  source->Counter("device_busy_seconds_total", "Seconds the device was executing steps.",
                  [](const EngineStatus& s) { return OfDevice(s, s.phases.execute); });
  source->Counter(
      "device_bytes_read_total", "Weight and KV bytes read from device memory, as counted from shapes.",
      [](const EngineStatus& s) { return OfDevice(s, static_cast<double>(s.device_bytes_read)); });
  source->Counter("device_lost_total", "1 once the device is lost, after which the worker soon exits.",
                  [](const EngineStatus& s) { return One(s.device_lost); });
  source->Counter("kernel_cache_hits_total", "Kernels asked for that were made already.",
                  [](const EngineStatus& s) { return One(static_cast<double>(s.kernels.hits)); });
  source->Counter("kernel_cache_misses_total", "Kernels compiled; one after the start has held up a step.",
                  [](const EngineStatus& s) { return One(static_cast<double>(s.kernels.misses)); });
}

}  // namespace

void AddWorkerMetrics(engine::EngineInterface* engine, const LoadSeconds& load, service::Metrics* metrics) {
  engine->ObserveSteps([steps = std::make_shared<StepHistograms>(metrics)](const engine::StepRecord& step) {
    steps->Observe(step);
  });
  Source source(engine, metrics);
  AddScheduling(&source);
  AddSteps(&source);
  AddDevice(&source);
  source.Gauge("load_seconds", "Seconds of the start-up, by phase.", [load](const EngineStatus&) {
    return std::vector<Sample>{{{{"phase", "read"}}, load.read},
                               {{{"phase", "upload"}}, load.upload},
                               {{{"phase", "compile"}}, load.compile},
                               {{{"phase", "warmup"}}, load.warmup}};
  });
  metrics->AddGauges("hekla_worker_build_info", "Always 1; the version as a label.", [] {
    return std::vector<Sample>{{{{"version", "0.1.0"}}, 1}};
  });
  metrics->AddProcessMetrics();
}

}  // namespace hekla::worker
