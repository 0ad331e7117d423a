// One worker as this router knows it: what it said of itself, what this router has there, and how it behaves.
// Thread-safe. Shared by the registry and the requests that run on it.
#ifndef HEKLA_SERVICE_ROUTER_WORKER_H_
#define HEKLA_SERVICE_ROUTER_WORKER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "hekla/v1/admin.pb.h"
#include "hekla/v1/inference.grpc.pb.h"
#include "hekla/v1/worker.pb.h"
#include "service/router/breaker.h"
#include "service/router/prefix_index.h"
#include "service/router/progress_watch.h"
#include "service/router/routing_policy.h"
#include "service/router/worker_exchange.h"

namespace hekla::service {

// What workers are asked for; they report changes at once.
inline constexpr absl::Duration kReportInterval = absl::Milliseconds(250);

struct WorkerHealthOptions {
  BreakerOptions breaker;
  ProgressOptions progress;
};

// Why requests must leave a worker.
enum class WorkerLoss { kLeaseEnded, kStalled };

// What the end of a request said about its worker.
enum class WorkerVerdict { kNone, kGood, kFault };

class Worker {
 public:
  // Sends a command to the worker; does nothing once the lease is gone.
  using SendCommand = std::function<void(const v1::RouterCommand&)>;

  Worker(v1::Registration registration, bool is_static, std::shared_ptr<grpc::Channel> channel,
         SendCommand send);

  const std::string& id() const { return registration_.worker_id(); }
  const v1::Registration& registration() const { return registration_; }
  const v1::Model& model() const { return registration_.model(); }
  bool is_static() const { return is_static_; }
  v1::Inference::Stub& stub() { return *stub_; }
  WorkerExchange& exchange() { return *exchange_; }
  absl::Time attached_at() const { return attached_at_; }

  void Report(const v1::Load& load);
  void SetDraining(bool draining);
  bool draining() const;
  // Has work and makes no step: nothing is sent there until it moves.
  bool stalled() const;
  // Takes new work as far as lease, drain and progress are concerned.
  bool ready() const;
  void Send(const v1::RouterCommand& command) const { send_(command); }

  // A request goes there. `uncached_tokens` of its prompt are to be computed: whatever the worker's reports do
  // not say yet. True: it is the breaker's probe, which RemoveRequest() must be told.
  bool AddRequest(int64_t uncached_tokens);
  void RemoveRequest(WorkerVerdict verdict, bool was_probe);
  void ProbeSucceeded();  // before the request ended
  void PromptComputed(int64_t uncached_tokens);
  // Output of a finished request, for the estimate of when places become free.
  void OutputFinished(int64_t tokens);

  // It said that it is full: nothing more is sent for kFullPause, until its next report or until a request
  // there ends.
  void MarkFull();

  // Room and load, `usable` as far as the worker itself is concerned.
  Candidate AsCandidate() const;
  v1::WorkerState State() const;
  int inflight() const;

  Breaker breaker() const;
  Breaker::State breaker_state() const { return breaker().StateAt(absl::Now()); }
  // Before the worker is a member. `breaker`: new, or what is known of an earlier incarnation.
  void SetHealth(const Breaker& breaker, const ProgressOptions& progress);

  // Prompts sent there, for what they have in common with the next ones.
  double MatchedShare(const PrefixKeys& prompt) const;
  void RememberPrompt(const PrefixKeys& prompt);

  // `told` runs when requests must leave, on any thread: again and again while the worker is stalled, once when
  // its lease ends. 0 when that is so already and `told` will not run.
  uint64_t OnLoss(std::function<void(WorkerLoss)> told);
  void ForgetLoss(uint64_t id);
  bool lost() const;
  bool died() const;  // lost, and not on purpose

  // Ends the membership: runs every OnLoss() function. The first call returns true. `died`: not on purpose.
  bool Lose(bool died);

  // Progress at `now`: when it is stalled, requests there are told to leave. True when it has just become so.
  bool CheckProgress(absl::Time now);
  // The last sign of life: a report or a step.
  absl::Time last_sign_of_life() const;

 private:
  using Listeners = absl::flat_hash_map<uint64_t, std::function<void(WorkerLoss)>>;
  static void Tell(Listeners listeners, WorkerLoss loss);

  const v1::Registration registration_;
  const bool is_static_;
  const std::unique_ptr<v1::Inference::Stub> stub_;
  const std::shared_ptr<WorkerExchange> exchange_;
  const SendCommand send_;
  const absl::Time attached_at_;

  mutable absl::Mutex mutex_;
  v1::Load load_ ABSL_GUARDED_BY(mutex_);
  absl::Time reported_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;  // by an operator
  bool stalled_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time full_until_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  bool lost_ ABSL_GUARDED_BY(mutex_) = false, died_ ABSL_GUARDED_BY(mutex_) = false;
  int inflight_ ABSL_GUARDED_BY(mutex_) = 0;           // this router's requests
  int others_ ABSL_GUARDED_BY(mutex_) = 0;             // other clients' requests when it last reported
  int64_t prompt_tokens_ ABSL_GUARDED_BY(mutex_) = 0;  // of this router's requests without a first token
  double mean_output_ ABSL_GUARDED_BY(mutex_) = 0;     // tokens a request, moving average; 0 = not known
  Breaker breaker_ ABSL_GUARDED_BY(mutex_);
  ProgressWatch progress_ ABSL_GUARDED_BY(mutex_);
  PrefixIndex prefixes_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_listener_ ABSL_GUARDED_BY(mutex_) = 1;
  Listeners listeners_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_WORKER_H_
