#include "worker/grpc_call.h"

#include "absl/time/time.h"

namespace hekla::worker {

CallOrigin OriginOf(const ServiceContext& context, const grpc::CallbackServerContext& call) {
  CallOrigin origin;
  const auto deadline = call.deadline();
  if (deadline != std::chrono::system_clock::time_point::max()) origin.deadline = absl::FromChrono(deadline);
  origin.trace = service::TraceOf(call);
  origin.caller = context.CheckCaller(call);
  return origin;
}

}  // namespace hekla::worker
