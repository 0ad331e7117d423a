// A router and its workers as real processes on loopback, each worker behind links that can be cut.
//
// Thread rule: as ChildProcess; one thread at a time. The destructor ends all.
#ifndef HEKLA_SERVICE_CLIENT_CHAOS_CLUSTER_H_
#define HEKLA_SERVICE_CLIENT_CHAOS_CLUSTER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "hekla/v1/admin.grpc.pb.h"
#include "service/client/chaos/link_proxy.h"
#include "service/runtime/child_process.h"

namespace hekla::chaos {

struct ClusterOptions {
  std::string programs;    // the folder of hekla-router and the workers
  std::string model_path;  // GGUF for hekla-worker; empty: hekla-fake-worker
  std::vector<std::string> worker_flags;  // more of them
  std::vector<std::string> router_flags;
  int fake_rate = 50;  // tokens a second of a fake worker's sequence; 0: as fast as it goes
  int max_sequences = 64;  // of a worker
};

class Cluster {
 public:
  // All workers are READY when it returns. Errors name the program and its last words.
  static absl::StatusOr<std::unique_ptr<Cluster>> Start(const ClusterOptions& options, int workers);

  const std::string& address() const { return address_; }
  int workers() const { return static_cast<int>(workers_.size()); }
  static std::string WorkerId(int worker);
  service::ChildProcess& worker(int index) { return *workers_[index].process; }
  // Both links of a worker: to the router's admin port, and from the router to it.
  void SetLinks(int worker, LinkProxy::Link link);

  // The router's view; none when it does not list the worker.
  absl::StatusOr<std::optional<v1::WorkerState>> StateOf(int worker);
  absl::Status Drain(int worker);
  absl::Status AwaitReady(int workers, absl::Duration limit);
  // SIGTERM, its end, and a new one on the same ports.
  absl::Status RestartRouter(absl::Duration limit);

 private:
  struct WorkerPlace {
    std::unique_ptr<LinkProxy> to_router, to_worker;
    std::unique_ptr<service::ChildProcess> process;
  };

  explicit Cluster(const ClusterOptions& options) : options_(options) {}
  absl::Status StartRouter(const std::string& listen, const std::string& admin_listen);
  absl::Status StartWorker(int index);

  const ClusterOptions options_;
  std::string address_, admin_address_;
  std::unique_ptr<v1::Admin::Stub> admin_;
  std::unique_ptr<service::ChildProcess> router_;
  std::vector<WorkerPlace> workers_;
};

// A worker of `options` that is attached to no router, and its address.
struct LoneWorker {
  std::unique_ptr<service::ChildProcess> process;
  std::string address;
};
absl::StatusOr<LoneWorker> StartLoneWorker(const ClusterOptions& options);

// The folder this program lies in.
std::string FolderOfThisProgram();

}  // namespace hekla::chaos

#endif  // HEKLA_SERVICE_CLIENT_CHAOS_CLUSTER_H_
