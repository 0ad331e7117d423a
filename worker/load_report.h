// The worker's load as its routers hear of it. One LoadReporter a link; not shared between threads.
#ifndef HEKLA_WORKER_LOAD_REPORT_H_
#define HEKLA_WORKER_LOAD_REPORT_H_

#include <cstdint>

#include "hekla/v1/worker.pb.h"
#include "worker/engine/engine_interface.h"

namespace hekla::worker {

class LoadReporter {
 public:
  // `status` now; `draining` is the service's own word.
  v1::Load Read(const engine::EngineStatus& status, bool draining);

 private:
  uint64_t prefill_tokens_ = 0;
  double prefill_seconds_ = 0;
  double prefill_rate_ = 0;  // tokens a second, moving average
};

// Something a router should hear of before the next regular report.
bool DiffersMuch(const v1::Load& a, const v1::Load& b);

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_LOAD_REPORT_H_
