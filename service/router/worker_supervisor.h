// The workers of --spawn-workers: started, started again with growing waits when they end, parked when they
// keep ending, stopped with the router. None outlives the router, however that ends (ChildProcess).
//
// A thread a worker: it starts the process, waits for its end and decides what then. Thread-safe. The Metrics
// must have been stopped before a supervisor goes.
#ifndef HEKLA_SERVICE_ROUTER_WORKER_SUPERVISOR_H_
#define HEKLA_SERVICE_ROUTER_WORKER_SUPERVISOR_H_

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "service/router/config.h"
#include "service/router/restart_policy.h"
#include "service/runtime/child_process.h"
#include "service/runtime/metrics.h"

namespace hekla::service {

struct SupervisedWorkers {
  std::string program;
  std::vector<std::vector<std::string>> arguments;  // one list a worker
  RestartLimits limits;
};

class WorkerSupervisor {
 public:
  explicit WorkerSupervisor(SupervisedWorkers workers);
  // What `config` asks for: each worker attaches to this router at `admin_port`, unless its flags name
  // routers.
  static absl::StatusOr<std::unique_ptr<WorkerSupervisor>> Start(const RouterConfig& config, int admin_port,
                                                                 Metrics* metrics);
  // Stop without patience.
  ~WorkerSupervisor();

  // SIGTERM to every worker, SIGKILL to those that are still there after `limit`; returns when none is left.
  void Stop(absl::Duration limit);

  // Workers by "running", "waiting" (to be started again) and "parked".
  std::map<std::string, int> States() const;
  // Ends of workers that nobody here asked for, by cause: "device_lost", "signal", "failed" (another exit
  // code), "ended" (exit code 0), "no_start" (the program could not be executed).
  std::map<std::string, int64_t> Exits() const;

 private:
  struct Slot {
    int number = 0;
    std::string state = "waiting";
    std::unique_ptr<ChildProcess> child;  // null: not running
    std::thread thread;
  };
  void Supervise(Slot* slot);
  // Runs it once. Returns how it ended, as a cause; `code`: its exit code, or minus the signal's number.
  std::string RunOnce(Slot* slot, int* code);
  void SignalAll(int number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool AllEnded() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddMetrics(Metrics* metrics);

  const SupervisedWorkers workers_;
  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, int64_t> exits_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Slot>> slots_;  // state and child under mutex_
};

// The flags of worker `number`: "{n}" replaced, --router and --id added where they are missing.
std::vector<std::string> SpawnedWorkerArguments(const std::vector<std::string>& flags, int number,
                                                const std::string& router_address);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_WORKER_SUPERVISOR_H_
