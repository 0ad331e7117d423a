// One generation on its way through the router: admission, a worker, and when that worker is lost another
// one.
//
//   queued --OnWorker--> running --OnStreamDone--> ended, or queued again
//
// Before the first token a broken worker is replaced unseen. After it the stream is resumed: the next worker
// is given the ids that were sent and goes on after them. A relay ends exactly once, with Client::OnDone().
// Thread-safe. The Client must live until OnDone(); the relay is not used after it.
#ifndef HEKLA_SERVICE_ROUTER_GENERATE_RELAY_H_
#define HEKLA_SERVICE_ROUTER_GENERATE_RELAY_H_

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "service/router/delivery_loop.h"
#include "service/router/dispatcher.h"
#include "service/router/inflight_table.h"
#include "service/router/poison_table.h"
#include "service/router/retry_budget.h"
#include "service/router/router_metrics.h"
#include "service/router/stream_end.h"
#include "service/router/stream_ledger.h"
#include "service/router/token_quotas.h"
#include "service/router/worker_stream.h"
#include "service/runtime/open_calls.h"
#include "service/runtime/token_file.h"
#include "service/runtime/trace_context.h"

namespace hekla::service {

// Workers that may be lost under a request: the request is tried on one more than this.
inline constexpr int kMaxRetries = 2;
// A worker that brought this many tokens of a stream does its work.
inline constexpr int64_t kGoodTokens = 32;
inline constexpr absl::Duration kKeepaliveInterval = absl::Seconds(1);
// How long a request that one worker died of waits for the news that a second one did.
inline constexpr absl::Duration kDeathNews = absl::Milliseconds(250);

// Limits that may change while the router runs. Thread-safe.
class RelayLimits {
 public:
  struct Values {
    absl::Duration queue_timeout = absl::Seconds(60);      // of requests that give none
    absl::Duration slow_client_limit = absl::Seconds(30);  // a client that has not read for this long is given up
  };
  explicit RelayLimits(const Values& values) : values_(values) {}
  void Set(const Values& values) {
    absl::MutexLock lock(&mutex_);
    values_ = values;
  }
  Values Get() const {
    absl::MutexLock lock(&mutex_);
    return values_;
  }

 private:
  mutable absl::Mutex mutex_;
  Values values_ ABSL_GUARDED_BY(mutex_);
};

// What relays work with; lives longer than they do.
struct RelayEnvironment {
  WorkerRegistry* registry;
  Dispatcher* dispatcher;
  DeliveryLoop* deliveries;
  InFlightTable* inflight;
  OpenCalls* calls;
  RouterMetrics* metrics;
  RetryBudget* budget;
  PoisonTable* poison;
  const RelayLimits* limits;
  TokenQuotas* quotas;
  int max_prompt_bytes;
};

// Who asks, and on whose behalf.
struct Caller {
  std::shared_ptr<const Grant> grant;
  TraceContext trace;
};

class GenerateRelay final : public Dispatcher::Waiter,
                            public WorkerStream::Listener,
                            public InFlightRequest,
                            public std::enable_shared_from_this<GenerateRelay> {
 public:
  // Who asked. Calls come one at a time, without locks held.
  class Client {
   public:
    virtual ~Client() = default;
    // False: no more until the client has called ReadMore(), once.
    virtual bool OnResponse(v1::GenerateResponse response) = 0;
    virtual void OnDone(absl::Status status) = 0;
    // While the request is queued, now and then; also between other calls. Must not call the relay.
    virtual void OnKeepalive(const v1::GenerateResponse&) {}
  };
  struct Call {
    v1::GenerateRequest request;
    v1::Priority default_priority = v1::PRIORITY_NORMAL;
    absl::Time deadline = absl::InfiniteFuture();
    std::string peer;
    std::string method = "Generate";  // a metric's label
    std::string tenant = "";          // who shares the queue fairly
    Caller caller = {};
  };

  GenerateRelay(const RelayEnvironment& environment, Call call, Client* client);

  // May call the client before it returns.
  void Start();
  void ReadMore();
  void Cancel(absl::Status why) override;
  void Tick(absl::Time now) override;

  v1::InFlight State() const override;
  bool ended() const;

 private:
  void OnWorker(Claim claim) override;
  void OnRefused(absl::Status status) override;
  void OnWorkerResponse(v1::GenerateResponse response) override;
  void OnStreamDone(absl::Status status) override;
  void OnWorkerLost(const Worker* worker, WorkerLoss loss);
  void OnSuspectDied();

  absl::Status Admit();
  void FinishIfCancelled();
  bool IsStopping() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckAgainstPool() const;
  WorkerNeed MakeNeed(absl::Time queued_at) const;
  bool Forward(std::vector<v1::GenerateResponse> responses);
  void ObserveQueueWait();
  void ObserveDelta(absl::Time came);
  void StopStream() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DecideAfter(absl::Status status, const std::shared_ptr<Worker>& worker,
                   const std::optional<WorkerLoss>& loss);
  void DecideAfterFault(const absl::Status& status, const std::shared_ptr<Worker>& worker,
                        const std::optional<WorkerLoss>& loss);
  bool TakeRetry(const absl::Status& status, const std::optional<WorkerLoss>& loss);
  void TryElsewhere(const std::string& cause, absl::Duration hold = absl::ZeroDuration());
  void FinishAsPoison();
  void ReportTakeOver(bool ok);
  void ObserveEnd(const absl::Status& status);
  void LogEnd(const absl::Status& status) const;
  void Finish(absl::Status status);
  std::string ModelLabel() const;

  const RelayEnvironment environment_;
  Call call_;
  Client* const client_;
  const absl::Time arrived_ = absl::Now();
  const uint64_t id_;  // in the dispatcher
  std::unique_ptr<InFlightTable::Entry> entry_;
  std::unique_ptr<TokenQuotas::Place> quota_place_;

  // Used only by the events of the present stream and between streams: one at a time.
  StreamLedger ledger_;
  absl::Time last_delta_ = absl::InfinitePast(), first_delta_ = absl::InfinitePast();
  std::vector<std::shared_ptr<Worker>> tried_;
  int64_t sent_before_ = 0;       // tokens, by earlier workers
  bool prompt_computed_ = false;  // by the present worker
  int faults_ = 0;
  std::string last_worker_;  // "" = none has had it
  absl::Duration queue_wait_ = absl::ZeroDuration();
  std::set<const Worker*> dead_;  // of those tried: their leases ended, or they lost their device
  int64_t min_context_ = 0;
  uint64_t fingerprint_ = 0;
  std::shared_ptr<const PrefixKeys> prefix_;
  std::string takeover_cause_;  // of the take-over that has not answered yet
  bool takeover_resumes_ = false;

  enum class Phase { kQueued, kRunning, kEnded };
  mutable absl::Mutex mutex_;
  Phase phase_ ABSL_GUARDED_BY(mutex_) = Phase::kQueued;
  std::optional<absl::Status> cancelled_ ABSL_GUARDED_BY(mutex_);
  absl::Status broken_ ABSL_GUARDED_BY(mutex_);  // why the stream was stopped here, if it was
  std::optional<WorkerLoss> loss_ ABSL_GUARDED_BY(mutex_);
  absl::Time cancelled_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();  // while it was at a worker
  absl::Time kept_alive_at_ ABSL_GUARDED_BY(mutex_) = arrived_;
  std::shared_ptr<WorkerStream> stream_ ABSL_GUARDED_BY(mutex_);
  std::optional<Claim> claim_ ABSL_GUARDED_BY(mutex_);
  uint64_t loss_listener_ ABSL_GUARDED_BY(mutex_) = 0;
  bool paused_ ABSL_GUARDED_BY(mutex_) = false;  // no read is outstanding, the client is behind
  absl::Time paused_at_ ABSL_GUARDED_BY(mutex_);
  bool read_early_ ABSL_GUARDED_BY(mutex_) = false;  // ReadMore() came before the pause began
  int attempts_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t sent_tokens_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_GENERATE_RELAY_H_
