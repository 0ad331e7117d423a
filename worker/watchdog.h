// A worker between its start and its end, as systemd sees it: ready, alive while steps are made, stopping.
// Main thread.
#ifndef HEKLA_WORKER_WATCHDOG_H_
#define HEKLA_WORKER_WATCHDOG_H_

#include "absl/time/time.h"
#include "worker/engine/engine_interface.h"

namespace hekla::worker {

// Says WATCHDOG=1 unless there is work and no step was made for `timeout`. False: systemd heard nothing.
bool FeedWatchdog(const engine::EngineInterface& engine, absl::Duration timeout);

// Says READY=1, waits for SIGTERM or SIGINT and returns its number. Until then it feeds the watchdog, if
// systemd has one, twice per timeout.
int ServeUntilSignal(const engine::EngineInterface& engine);

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_WATCHDOG_H_
