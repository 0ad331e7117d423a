// Workers named by --worker, which do not attach by themselves: each is asked for its model and then watched
// through its health service. The watch stream is the lease; when it breaks the worker is gone and is dialled
// again.
#ifndef HEKLA_SERVICE_ROUTER_STATIC_WORKERS_H_
#define HEKLA_SERVICE_ROUTER_STATIC_WORKERS_H_

#include <memory>
#include <string>
#include <vector>

#include "service/router/worker_registry.h"
#include "service/runtime/channel.h"

namespace hekla::service {

class StaticWorkers {
 public:
  // One thread a worker. `to_worker`: how they are called; its address is replaced. A worker's id is its
  // address.
  StaticWorkers(const std::vector<std::string>& addresses, const ChannelOptions& to_worker,
                WorkerRegistry* registry);
  // The workers leave the registry.
  ~StaticWorkers();

 private:
  class Watch;
  std::vector<std::unique_ptr<Watch>> watches_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_STATIC_WORKERS_H_
