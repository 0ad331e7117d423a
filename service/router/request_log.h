// The line that the log gets at the end of a request: never the prompt, the output or an error's message, which name what the client
// sent.
#ifndef HEKLA_SERVICE_ROUTER_REQUEST_LOG_H_
#define HEKLA_SERVICE_ROUTER_REQUEST_LOG_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "service/router/stream_ledger.h"
#include "service/runtime/trace_context.h"

namespace hekla::service {

struct RequestEnd {
  std::string request_id, tenant, method, model;
  const TraceContext* trace = nullptr;
  const StreamLedger* ledger = nullptr;
  std::string worker;   // the last one; "" = none has had it
  int faults = 0;       // of workers
  absl::Duration queue_wait, to_first_token, in_all;
};

// Warning where the fault is the server's, info otherwise.
void LogRequestEnd(const RequestEnd& end, const absl::Status& status);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_REQUEST_LOG_H_
