// Debian's Abseil looks for deadlocks at every lock of a Mutex, behind one spin lock of the whole process: a tenth of the router's time.
// That is for the builds with sanitizers; in the others every program calls this first.
#ifndef HEKLA_WORKER_BASE_RELEASE_MUTEXES_H_
#define HEKLA_WORKER_BASE_RELEASE_MUTEXES_H_

#include "absl/synchronization/mutex.h"

namespace hekla {

inline void ReleaseMutexes() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
#endif
}

}  // namespace hekla

#endif  // HEKLA_WORKER_BASE_RELEASE_MUTEXES_H_
