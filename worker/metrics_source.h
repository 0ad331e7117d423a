// The worker's metrics (hekla_worker_*). Histograms are fed by the engine's steps; all else is read from its
// status at each scrape, so that none can be stale. Thread rule: the scraping thread, and the engine's for
// the steps. Lifetime: the engine outlives the Metrics' last scrape (Metrics::Stop); before the Metrics are
// gone, the engine is told ObserveSteps({}).
#ifndef HEKLA_WORKER_METRICS_SOURCE_H_
#define HEKLA_WORKER_METRICS_SOURCE_H_

#include "service/runtime/metrics.h"
#include "worker/engine/engine_interface.h"

namespace hekla::worker {

// Seconds of the start-up, by phase.
struct LoadSeconds {
  double read = 0;     // the file: map, check, plan, tokenizer, hash
  double upload = 0;   // weights to the device
  double compile = 0;  // kernels
  double warmup = 0;   // buffers, and every kernel run once
};

void AddWorkerMetrics(engine::EngineInterface* engine, const LoadSeconds& load, service::Metrics* metrics);

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_METRICS_SOURCE_H_
