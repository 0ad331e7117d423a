// Workers that are named with --worker instead of attaching by themselves. A name is resolved again and again; each
// of its addresses is a worker, asked for its model and then watched through its health service. The watch
// stream is the lease; when it breaks the worker is gone and is dialled again, as long as the name has the
// address.
#ifndef HEKLA_SERVICE_ROUTER_STATIC_WORKERS_H_
#define HEKLA_SERVICE_ROUTER_STATIC_WORKERS_H_

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "service/router/resolver.h"
#include "service/router/worker_registry.h"
#include "service/runtime/channel.h"

namespace hekla::service {

// Thread-safe.
class StaticWorkers {
 public:
  struct Options {
    ChannelOptions to_worker = {};  // how they are called; its address is replaced
    Resolver resolve = ResolveBySystem;
    absl::Duration resolve_interval = absl::Seconds(5);
  };

  // A thread for the names and one for each address. A worker's id is its address.
  StaticWorkers(std::vector<std::string> names, const Options& options, WorkerRegistry* registry);
  // The workers leave the registry.
  ~StaticWorkers();

  // Other names from now on. Workers of names that are gone leave at once.
  void SetNames(std::vector<std::string> names);

 private:
  class Watch;
  // Its address is no more among those of its names: it stays only while it is a member.
  struct Entry {
    std::string name;
    std::unique_ptr<Watch> watch;
    bool is_listed = true;
  };
  void Run();
  void Resolve(const std::vector<std::string>& names);

  const Options options_;
  WorkerRegistry* const registry_;
  std::map<std::string, Entry> entries_;  // by address; of the thread
  absl::Mutex mutex_;
  std::vector<std::string> names_ ABSL_GUARDED_BY(mutex_);
  bool changed_ ABSL_GUARDED_BY(mutex_) = true;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_STATIC_WORKERS_H_
