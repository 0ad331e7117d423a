// The worker's metrics (hekla_worker_*), read from the engine's status at each scrape, so that none can be
// stale. Thread rule: the scraping thread. Lifetime: engine and loads outlive the Metrics' last scrape
// (Metrics::Stop).
#ifndef HEKLA_WORKER_METRICS_SOURCE_H_
#define HEKLA_WORKER_METRICS_SOURCE_H_

#include "service/runtime/metrics.h"
#include "worker/engine/engine_interface.h"

namespace hekla::worker {

// Seconds of the start-up, by phase.
struct LoadSeconds {
  double read = 0;    // the file: map, check, plan, tokenizer, hash
  double upload = 0;  // weights to the device, pipelines included
  double warmup = 0;
};

void AddWorkerMetrics(const engine::EngineInterface* engine, const LoadSeconds& load,
                      service::Metrics* metrics);

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_METRICS_SOURCE_H_
