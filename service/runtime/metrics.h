// The metrics of a process, served in Prometheus' text form at http://ADDRESS/metrics. metrics.cc is the only
// file that sees the Prometheus library.
//
// Counters and histograms are added to as things happen. Gauges, and counters that something else keeps, are
// asked for at each scrape, so that they can never be stale. Label values must come from closed sets.
// Thread-safe. Instruments live as long as the Metrics.
#ifndef HEKLA_SERVICE_RUNTIME_METRICS_H_
#define HEKLA_SERVICE_RUNTIME_METRICS_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace hekla::service {

using Labels = std::map<std::string, std::string>;

// Upper bounds in seconds, one list for each kind of time.
const std::vector<double>& TokenLatencyBuckets();  // between tokens, of a step
const std::vector<double>& FirstTokenBuckets();
const std::vector<double>& DurationBuckets();  // of a whole request
const std::vector<double>& QueueBuckets();
const std::vector<double>& ReactionBuckets();    // from a cancel or a death to its effect
const std::vector<double>& OverheadBuckets();    // what the router itself adds
const std::vector<double>& TokenCountBuckets();  // tokens, not seconds

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Add(double amount = 1) = 0;
};

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(double value) = 0;
};

// A value found at scrape time.
struct Sample {
  Labels labels;
  double value = 0;
};

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;

  // The same name and labels give the same instrument. A name has one help text and one kind.
  Counter* AddCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Histogram* AddHistogram(const std::string& name, const std::string& help, const std::vector<double>& bounds,
                          const Labels& labels = {});

  // `read` runs on the scraping thread, until the Metrics are gone or Stop() has returned.
  using ReadSamples = std::function<std::vector<Sample>()>;
  void AddGauges(const std::string& name, const std::string& help, ReadSamples read);
  void AddReadCounters(const std::string& name, const std::string& help, ReadSamples read);

  // process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds, process_threads,
  // process_start_time_seconds.
  void AddProcessMetrics();

  // Serves /metrics on "HOST:PORT"; port 0 takes a free one. UNAVAILABLE when the address cannot be had.
  absl::Status Serve(const std::string& address);
  int port() const;  // 0 = not served

  // No scrape runs any more and no `read` is called again.
  void Stop();

  // What /metrics would say now.
  std::string Text() const;

 private:
  class Collected;
  std::shared_ptr<Collected> collected_;
  struct Server;
  std::unique_ptr<Server> server_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_METRICS_H_
