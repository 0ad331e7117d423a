// SIGTERM and SIGINT as an event that main() waits for. The first one asks for a graceful end; the second one
// ends the process at once with exit code 128 + the signal's number.
#ifndef HEKLA_SERVICE_RUNTIME_SHUTDOWN_SIGNAL_H_
#define HEKLA_SERVICE_RUNTIME_SHUTDOWN_SIGNAL_H_

#include "absl/time/time.h"

namespace hekla::service {

// Call before other threads start. Once in a process.
void InstallShutdownSignals();

// The signal's number once it has come, 0 when `limit` went by first. Any thread.
int WaitForShutdownSignal(absl::Duration limit = absl::InfiniteDuration());

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_SHUTDOWN_SIGNAL_H_
