// Sends a workload to a server: in an open loop, at times that were fixed beforehand, or in a closed loop, by
// a number of clients that each wait for their answer.
//
// Thread rule: Run() once; Stop() and progress() from any thread, `on_record` comes from gRPC's threads one at
// a time. Thousands of streams need no threads of their own.
#ifndef HEKLA_SERVICE_CLIENT_BENCH_LOAD_RUN_H_
#define HEKLA_SERVICE_CLIENT_BENCH_LOAD_RUN_H_

#include <grpcpp/channel.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "service/client/bench/arrivals.h"
#include "service/client/bench/load_stream.h"
#include "service/client/bench/request_record.h"
#include "service/client/bench/workload.h"

namespace hekla::bench {

struct LoadOptions {
  std::vector<std::shared_ptr<grpc::Channel>> channels;  // streams are spread over them; at least one
  uint32_t clients = 1;                                  // closed loop; 0: open loop
  double rate = 0;                                       // open loop, requests a second
  ArrivalKind arrivals = ArrivalKind::kPoisson;
  uint64_t requests = 0;                                   // to send; 0: until `duration` is over
  absl::Duration duration = absl::InfiniteDuration();      // in which requests are sent
  uint64_t max_inflight = 10'000;                          // open loop; those beyond start late
  absl::Duration call_limit = absl::InfiniteDuration();    // the deadline of each call
  absl::Duration slow_pause = absl::Milliseconds(100);     // of a slow reader, after each message
  uint32_t max_attempts = 1;                               // of a request that ends with UNAVAILABLE or a reset
  absl::Duration retry_delay = absl::Milliseconds(100);    // where the server names none
};

struct Progress {
  uint64_t started = 0, ended = 0, failed = 0, tokens = 0;
  absl::Duration elapsed;
};

class LoadRun final : private LoadStream::Owner {
 public:
  LoadRun(LoadOptions options, const Workload* workload,
          std::function<void(const RequestRecord&)> on_record);
  ~LoadRun() override;

  // Returns when all requests have ended. `watch` is called ten times a second.
  void Run(const std::function<void(const Progress&)>& watch);
  // No new request; those that run are cancelled.
  void Stop();
  Progress progress() const;
  absl::Time begun() const { return begun_; }

 private:
  void OnTokens(uint32_t count) override { tokens_ += count; }
  void OnPause(LoadStream* stream) override;
  void OnEnded(LoadStream* stream, RequestRecord record) override;

  bool AllSent() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CollectDue(absl::Time now, std::vector<RequestRecord>* starts, std::vector<LoadStream*>* reads)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<absl::Time> NextIntended(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Time NextEvent(absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Send(RequestRecord record);

  const LoadOptions options_;
  const Workload* const workload_;
  const std::function<void(const RequestRecord&)> on_record_;
  const absl::Time begun_ = absl::Now();
  std::vector<std::unique_ptr<v1::Inference::Stub>> stubs_;
  std::atomic<uint64_t> tokens_ = 0;

  mutable absl::Mutex mutex_;
  absl::CondVar changed_;
  Arrivals arrivals_ ABSL_GUARDED_BY(mutex_);
  absl::Time next_arrival_ ABSL_GUARDED_BY(mutex_);
  Random jitter_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<LoadStream*> streams_ ABSL_GUARDED_BY(mutex_);
  std::multimap<absl::Time, LoadStream*> pauses_ ABSL_GUARDED_BY(mutex_);
  std::multimap<absl::Time, RequestRecord> retries_ ABSL_GUARDED_BY(mutex_);
  uint64_t started_ ABSL_GUARDED_BY(mutex_) = 0, ended_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t failed_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace hekla::bench

#endif  // HEKLA_SERVICE_CLIENT_BENCH_LOAD_RUN_H_
