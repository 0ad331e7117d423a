// grpc.health.v1: the status of each service name, with Watch streams that follow every change.
//
// Thread-safe. Must outlive the server it is registered with.
#ifndef HEKLA_SERVICE_RUNTIME_HEALTH_SERVICE_H_
#define HEKLA_SERVICE_RUNTIME_HEALTH_SERVICE_H_

#include <map>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace hekla::service {

class HealthService final : public grpc::health::v1::Health::CallbackService {
 public:
  // A name is known from its first Set() on. Does nothing after Shutdown().
  void Set(const std::string& name, bool serving);

  // Every name is NOT_SERVING from now on, and Watch streams end, so that a server can drain.
  void Shutdown();

  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const grpc::health::v1::HealthCheckRequest* request,
                                  grpc::health::v1::HealthCheckResponse* response) override;
  grpc::ServerWriteReactor<grpc::health::v1::HealthCheckResponse>* Watch(
      grpc::CallbackServerContext* context, const grpc::health::v1::HealthCheckRequest* request) override;

 private:
  class Watcher;
  using Status = grpc::health::v1::HealthCheckResponse::ServingStatus;
  Status StatusOf(const std::string& name) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Notify(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  std::map<std::string, bool> serving_ ABSL_GUARDED_BY(mutex_);
  std::set<Watcher*> watchers_ ABSL_GUARDED_BY(mutex_);
  bool shut_down_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_HEALTH_SERVICE_H_
