// Teaches ThreadSanitizer what gRPC orders: what was done before an operation was started comes before what is done when it has ended,
// what was done before a server was started before all that it brings about, and that before the server's end.
// Debian's gRPC is built without the sanitizer, so it would report every object that a reaction takes over. In sanitizer builds the
// programs' definitions of these functions take the place of libgrpc's, which they call; elsewhere this file is empty.
#if defined(__SANITIZE_THREAD__)

#include <dlfcn.h>
#include <grpc/grpc.h>
#include <sanitizer/tsan_interface.h>

#include <utility>

#include "absl/status/status.h"

// As in gRPC 1.51's src/core/lib/iomgr/closure.h and executor.h, which are not installed.
struct grpc_closure {
  void* next;
  void (*cb)(void* arg, absl::Status error);
  void* cb_arg;
};
namespace grpc_core {
enum class ExecutorType;
enum class ExecutorJobType;
struct Executor {
  static void Run(grpc_closure* closure, absl::Status error, ExecutorType type, ExecutorJobType job);
};
}  // namespace grpc_core

namespace {

template <typename Function>
Function* RealOne(Function*, const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

constexpr char kExecutorRun[] = "_ZN9grpc_core8Executor3RunEP12grpc_closureN4absl7debian36StatusENS_12ExecutorTypeENS_15ExecutorJobTypeE";

char started, handled;  // their addresses stand for the start of servers and for events that have been handled

grpc_event Ended(grpc_event event) {
  __tsan_acquire(&started);
  if (event.type == GRPC_OP_COMPLETE) __tsan_acquire(event.tag);
  return event;
}

// What a closure calls, kept while it waits for a thread of the executor: OnCancel() and OnDone() come from there.
struct Waiting {
  grpc_closure* closure;
  void (*cb)(void* arg, absl::Status error);
  void* cb_arg;
};

__attribute__((no_sanitize("thread"))) void RunWaiting(void* arg, absl::Status error) {
  __tsan_acquire(&started);
  __tsan_acquire(&handled);  // OnCancel() comes after the handler that made its reactor, on whatever thread that was
  __tsan_acquire(arg);
  const Waiting waiting = *static_cast<Waiting*>(arg);
  delete static_cast<Waiting*>(arg);
  waiting.closure->cb = waiting.cb;
  waiting.closure->cb_arg = waiting.cb_arg;
  waiting.cb(waiting.cb_arg, std::move(error));
  __tsan_release(&handled);
}

}  // namespace

__attribute__((no_sanitize("thread")))  // the closure is gRPC's
void grpc_core::Executor::Run(grpc_closure* closure, absl::Status error, ExecutorType type, ExecutorJobType job) {
  static auto* const real = RealOne(&grpc_core::Executor::Run, kExecutorRun);
  auto* waiting = new Waiting{closure, closure->cb, closure->cb_arg};
  closure->cb = RunWaiting;
  closure->cb_arg = waiting;
  __tsan_release(waiting);
  real(closure, std::move(error), type, job);
}

extern "C" {

grpc_call_error grpc_call_start_batch(grpc_call* call, const grpc_op* ops, size_t nops, void* tag, void* reserved) {
  static auto* const real = RealOne(&grpc_call_start_batch, "grpc_call_start_batch");
  __tsan_release(tag);
  return real(call, ops, nops, tag, reserved);
}

grpc_event grpc_completion_queue_next(grpc_completion_queue* queue, gpr_timespec deadline, void* reserved) {
  static auto* const real = RealOne(&grpc_completion_queue_next, "grpc_completion_queue_next");
  __tsan_release(&handled);
  return Ended(real(queue, deadline, reserved));
}

grpc_event grpc_completion_queue_pluck(grpc_completion_queue* queue, void* tag, gpr_timespec deadline, void* reserved) {
  static auto* const real = RealOne(&grpc_completion_queue_pluck, "grpc_completion_queue_pluck");
  return Ended(real(queue, tag, deadline, reserved));
}

void grpc_server_start(grpc_server* server) {
  static auto* const real = RealOne(&grpc_server_start, "grpc_server_start");
  __tsan_release(&started);
  real(server);
}

void grpc_server_destroy(grpc_server* server) {
  static auto* const real = RealOne(&grpc_server_destroy, "grpc_server_destroy");
  __tsan_acquire(&handled);
  real(server);
}

}  // extern "C"

#endif  // defined(__SANITIZE_THREAD__)
