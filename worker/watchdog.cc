#include "worker/watchdog.h"

#include "service/runtime/shutdown_signal.h"
#include "service/runtime/systemd.h"

namespace hekla::worker {

bool FeedWatchdog(const engine::EngineInterface& engine, absl::Duration timeout) {
  return engine.Status().last_step_age < timeout && service::NotifySystemd("WATCHDOG=1");
}

int ServeUntilSignal(const engine::EngineInterface& engine) {
  const absl::Duration timeout = service::WatchdogTimeout();
  service::NotifySystemd("READY=1");
  while (true) {
    const int signal = service::WaitForShutdownSignal(timeout / 2);
    if (signal == 0) {
      FeedWatchdog(engine, timeout);
      continue;
    }
    service::NotifySystemd("STOPPING=1");
    return signal;
  }
}

}  // namespace hekla::worker
