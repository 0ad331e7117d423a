#include "service/runtime/metrics.h"

#include <netdb.h>
#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <exception>
#include <sstream>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "service/runtime/process_stats.h"

namespace hekla::service {
namespace {

constexpr absl::Duration kKnockInterval = absl::Milliseconds(5);

// Connects and hangs up; whether it comes about does not matter.
void Knock(const std::string& host, int port) {
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), absl::StrCat(port).c_str(), nullptr, &found) != 0) return;
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    connect(fd, found->ai_addr, found->ai_addrlen);
    close(fd);
  }
  freeaddrinfo(found);
}

// "::1" of "[::1]:80".
std::string HostOf(const std::string& address) {
  absl::string_view host = absl::string_view(address).substr(0, address.rfind(':'));
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  return std::string(host);
}

class PrometheusCounter final : public Counter {
 public:
  explicit PrometheusCounter(prometheus::Counter& counter) : counter_(counter) {}
  void Add(double amount) override { counter_.Increment(amount); }

 private:
  prometheus::Counter& counter_;
};

class PrometheusHistogram final : public Histogram {
 public:
  explicit PrometheusHistogram(prometheus::Histogram& histogram) : histogram_(histogram) {}
  void Observe(double value) override { histogram_.Observe(value); }

 private:
  prometheus::Histogram& histogram_;
};

}  // namespace

// The registry's instruments and the families that are read at scrape time.
class Metrics::Collected final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override {
    std::vector<prometheus::MetricFamily> families = registry_.Collect();
    absl::MutexLock lock(&mutex_);
    for (const ReadFamily& family : read_) {
      prometheus::MetricFamily collected{family.name, family.help, family.type, {}};
      for (const Sample& sample : family.read()) {
        prometheus::ClientMetric metric;
        for (const auto& [name, value] : sample.labels) metric.label.push_back({name, value});
        metric.gauge.value = sample.value;
        metric.counter.value = sample.value;
        collected.metric.push_back(std::move(metric));
      }
      families.push_back(std::move(collected));
    }
    return families;
  }

  Counter* AddCounter(const std::string& name, const std::string& help, const Labels& labels) {
    prometheus::Counter& counter =
        prometheus::BuildCounter().Name(name).Help(help).Register(registry_).Add(labels);
    absl::MutexLock lock(&mutex_);
    std::unique_ptr<Counter>& made = counters_[&counter];
    if (made == nullptr) made = std::make_unique<PrometheusCounter>(counter);
    return made.get();
  }

  Histogram* AddHistogram(const std::string& name, const std::string& help, const std::vector<double>& bounds,
                          const Labels& labels) {
    prometheus::Histogram& histogram =
        prometheus::BuildHistogram().Name(name).Help(help).Register(registry_).Add(labels, bounds);
    absl::MutexLock lock(&mutex_);
    std::unique_ptr<Histogram>& made = histograms_[&histogram];
    if (made == nullptr) made = std::make_unique<PrometheusHistogram>(histogram);
    return made.get();
  }

  void AddRead(const std::string& name, const std::string& help, prometheus::MetricType type,
               ReadSamples read) {
    absl::MutexLock lock(&mutex_);
    read_.push_back({name, help, type, std::move(read)});
  }

  void ForgetRead() {
    absl::MutexLock lock(&mutex_);
    read_.clear();
  }

 private:
  struct ReadFamily {
    std::string name, help;
    prometheus::MetricType type;
    ReadSamples read;
  };
  // A name asked for again gives the family it already has.
  prometheus::Registry registry_{prometheus::Registry::InsertBehavior::Merge};
  mutable absl::Mutex mutex_;
  std::vector<ReadFamily> read_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<prometheus::Counter*, std::unique_ptr<Counter>> counters_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<prometheus::Histogram*, std::unique_ptr<Histogram>> histograms_ ABSL_GUARDED_BY(mutex_);
};

struct Metrics::Server {
  explicit Server(const std::string& address) : host(HostOf(address)), exposer(address, 1) {}
  const std::string host;
  prometheus::Exposer exposer;
};

Metrics::Metrics() : collected_(std::make_shared<Collected>()) {}
Metrics::~Metrics() { Stop(); }

Counter* Metrics::AddCounter(const std::string& name, const std::string& help, const Labels& labels) {
  return collected_->AddCounter(name, help, labels);
}

Histogram* Metrics::AddHistogram(const std::string& name, const std::string& help,
                                 const std::vector<double>& bounds, const Labels& labels) {
  return collected_->AddHistogram(name, help, bounds, labels);
}

void Metrics::AddGauges(const std::string& name, const std::string& help, ReadSamples read) {
  collected_->AddRead(name, help, prometheus::MetricType::Gauge, std::move(read));
}

void Metrics::AddReadCounters(const std::string& name, const std::string& help, ReadSamples read) {
  collected_->AddRead(name, help, prometheus::MetricType::Counter, std::move(read));
}

void Metrics::AddProcessMetrics() {
  const auto read = [](double ProcessStats::*field) {
    return [field] { return std::vector<Sample>{{{}, ReadProcessStats().*field}}; };
  };
  AddReadCounters("process_cpu_seconds_total", "Processor time used, user and system.",
                  read(&ProcessStats::cpu_seconds));
  AddGauges("process_resident_memory_bytes", "Memory resident.", read(&ProcessStats::resident_bytes));
  AddGauges("process_open_fds", "Open file descriptors.", read(&ProcessStats::open_fds));
  AddGauges("process_threads", "Threads.", read(&ProcessStats::threads));
  AddGauges("process_start_time_seconds", "Start, seconds since 1970.",
            read(&ProcessStats::start_time_seconds));
}

absl::Status Metrics::Serve(const std::string& address) {
  // The library reports a taken or wrong address by throwing.
  try {
    server_ = std::make_unique<Server>(address);
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("cannot serve metrics on ", address, ": ", error.what()));
  }
  server_->exposer.RegisterCollectable(collected_);
  return absl::OkStatus();
}

int Metrics::port() const { return server_ == nullptr ? 0 : server_->exposer.GetListeningPorts().at(0); }

void Metrics::Stop() {
  if (server_ != nullptr) {
    // Its HTTP server looks every 2 s whether it has to end, and when somebody connects.
    absl::Notification stopped;
    std::thread knocks([&stopped, host = server_->host, port = port()] {
      do {
        Knock(host, port);
      } while (!stopped.WaitForNotificationWithTimeout(kKnockInterval));
    });
    server_.reset();
    stopped.Notify();
    knocks.join();
  }
  collected_->ForgetRead();
}

std::string Metrics::Text() const {
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, collected_->Collect());
  return text.str();
}

}  // namespace hekla::service
