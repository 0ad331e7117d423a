// A fault in a cluster under load, and what became of the load.
//
// Thread rule: call from one thread that outlives the calls (see ChildProcess).
#ifndef HEKLA_SERVICE_CLIENT_CHAOS_CHAOS_RUN_H_
#define HEKLA_SERVICE_CLIENT_CHAOS_CHAOS_RUN_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "service/client/bench/workload.h"
#include "service/client/chaos/cluster.h"
#include "service/client/chaos/fault.h"
#include "service/client/chaos/fault_row.h"

namespace hekla::chaos {

struct ChaosOptions {
  ClusterOptions cluster;
  bench::WorkloadOptions work;  // without planned cancels: every request has to end well
  uint64_t requests = 800;
  uint32_t clients = 48;
  // After this long the fault relents (a frozen worker goes on, a silent link resets), so that a load ends
  // where the router does not notice.
  absl::Duration relents_after = absl::Seconds(60);
};

// The outputs of the requests, each as a worker without a router gives it; `work.distinct` of them, or all.
absl::StatusOr<std::vector<uint64_t>> ExpectedHashes(const ChaosOptions& options);

// A new cluster, the load, the fault once a quarter of the requests has been sent and their streams run. Errors:
// the cluster cannot be started; CANCELLED when `interrupted` says so.
absl::StatusOr<FaultRow> RunFault(const ChaosOptions& options, Fault fault, int workers,
                                  const std::vector<uint64_t>& expected_hashes,
                                  const std::function<bool()>& interrupted);

}  // namespace hekla::chaos

#endif  // HEKLA_SERVICE_CLIENT_CHAOS_CHAOS_RUN_H_
