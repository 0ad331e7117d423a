// gRPC's callback threads, kept for the life of the process.
//
// gRPC 1.51 starts them for the first channel or server that uses callbacks and ends them with the last one. Ending them it can find
// events that came late and abort the process (grpc_cq_internal_unref): 6 of 30 runs of `hekla bench --chaos` on a busy machine.
#ifndef HEKLA_SERVICE_RUNTIME_CALLBACK_THREADS_H_
#define HEKLA_SERVICE_RUNTIME_CALLBACK_THREADS_H_

namespace hekla::service {

// Starts the threads if there are none, and keeps them. Thread-safe.
void KeepCallbackThreads();

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_CALLBACK_THREADS_H_
