// gRPC's callback threads: kept for the life of the process, and only as many at work as are wanted.
//
// gRPC 1.51 starts them for the first channel or server that uses callbacks and ends them with the last one. Ending them it can find
// events that came late and abort the process (grpc_cq_internal_unref): 6 of 30 runs of `hekla bench --chaos` on a busy machine.
//
// It starts half as many as there are cores, two at least. One of them waits for the network; when something comes it wakes the next
// to wait in its place and then sees to it. Where one thread can do the work of all, those wake-ups are pure cost: a fifth of the
// router's CPU.
#ifndef HEKLA_SERVICE_RUNTIME_CALLBACK_THREADS_H_
#define HEKLA_SERVICE_RUNTIME_CALLBACK_THREADS_H_

namespace hekla::service {

// Starts the threads if there are none, and keeps them. Thread-safe.
void KeepCallbackThreads();

// Lets `active` of the threads work, at least one, and puts the others to sleep for the life of the process, which must then end with
// _exit(). Callbacks must not wait for one another. Once, at the start of a program. Returns how many are at work.
int ParkCallbackThreads(int active);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_CALLBACK_THREADS_H_
