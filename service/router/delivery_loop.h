// A thread on which a stream's events are delivered when whoever finds them due has locks and may not: a slow
// client reads on, a worker was given up.
//
// Thread-safe. The destructor delivers what was posted and joins.
#ifndef HEKLA_SERVICE_ROUTER_DELIVERY_LOOP_H_
#define HEKLA_SERVICE_ROUTER_DELIVERY_LOOP_H_

#include <deque>
#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace hekla::service {

class DeliveryLoop {
 public:
  DeliveryLoop() : thread_([this] { Run(); }) {}
  ~DeliveryLoop();

  void Post(std::function<void()> delivery);

 private:
  void Run();

  absl::Mutex mutex_;
  std::deque<std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_DELIVERY_LOOP_H_
