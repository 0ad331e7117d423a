#include "worker/metrics_source.h"

#include <functional>
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
  source->Counter("cancelled_total", "Requests cancelled before their end.",
                  [](const EngineStatus& s) { return One(static_cast<double>(s.cancelled_total)); });
  source->Counter("tokens_total", "Tokens computed, by kind.", [](const EngineStatus& s) {
    return std::vector<Sample>{{{{"kind", "prefill"}}, static_cast<double>(s.prefill_tokens_total)},
                               {{{"kind", "decode"}}, static_cast<double>(s.decode_tokens_total)}};
  });
}

void AddSteps(Source* source) {
  source->Counter("steps_total", "Steps finished, by kind.", [](const EngineStatus& s) {
    return std::vector<Sample>{{{{"kind", "prefill"}}, static_cast<double>(s.prefill_steps_total)},
                               {{{"kind", "decode"}}, static_cast<double>(s.decode_steps_total)},
                               {{{"kind", "mixed"}}, static_cast<double>(s.mixed_steps_total)}};
  });
  source->Counter("step_seconds_total", "Seconds spent in steps, by kind.", [](const EngineStatus& s) {
    return std::vector<Sample>{{{{"kind", "prefill"}}, s.prefill_step_seconds},
                               {{{"kind", "decode"}}, s.decode_step_seconds},
                               {{{"kind", "mixed"}}, s.mixed_step_seconds}};
  });
  source->Gauge("step_seconds_ewma", "Moving average of a step, seconds.",
                [](const EngineStatus& s) { return One(s.step_seconds_ewma); });
  source->Gauge("last_step_age_seconds", "Since the last finished step; 0 when no work is present.",
                [](const EngineStatus& s) { return One(absl::ToDoubleSeconds(s.last_step_age)); });
  source->Counter("job_phase_seconds_total", "Seconds of all steps, by phase.", [](const EngineStatus& s) {
    return std::vector<Sample>{{{{"phase", "build"}}, s.phases.build},
                               {{{"phase", "load"}}, s.phases.load},
                               {{{"phase", "submit"}}, s.phases.submit},
                               {{{"phase", "execute"}}, s.phases.execute},
                               {{{"phase", "readback"}}, s.phases.readback}};
  });
}

void AddDevice(Source* source) {
  source->Gauge("device_memory_bytes", "Device memory in use.", [](const EngineStatus& s) {
    return std::vector<Sample>{
        {{{"device", s.device_name}, {"kind", "used"}}, static_cast<double>(s.device_memory_bytes)}};
  });
  source->Counter("device_busy_seconds_total", "Seconds the device was executing steps.",
                  [](const EngineStatus& s) {
                    return std::vector<Sample>{{{{"device", s.device_name}}, s.phases.execute}};
                  });
  source->Counter(
      "device_bytes_read_total", "Weight and KV bytes read from device memory, as counted from shapes.",
      [](const EngineStatus& s) {
        return std::vector<Sample>{{{{"device", s.device_name}}, static_cast<double>(s.device_bytes_read)}};
      });
}

}  // namespace

void AddWorkerMetrics(const engine::EngineInterface* engine, const LoadSeconds& load,
                      service::Metrics* metrics) {
  Source source(engine, metrics);
  AddScheduling(&source);
  AddSteps(&source);
  AddDevice(&source);
  source.Gauge("load_seconds", "Seconds of the start-up, by phase.", [load](const EngineStatus&) {
    return std::vector<Sample>{{{{"phase", "read"}}, load.read},
                               {{{"phase", "upload"}}, load.upload},
                               {{{"phase", "warmup"}}, load.warmup}};
  });
  metrics->AddGauges("hekla_worker_build_info", "Always 1; the version as a label.", [] {
    return std::vector<Sample>{{{{"version", "0.1.0"}}, 1}};
  });
  metrics->AddProcessMetrics();
}

}  // namespace hekla::worker
