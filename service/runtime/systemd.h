// What systemd wants to hear from a service of Type=notify: a datagram to the socket that $NOTIFY_SOCKET
// names. Without systemd nothing happens. Any thread. Source: sd_notify(3), "Standalone Implementations".
#ifndef HEKLA_SERVICE_RUNTIME_SYSTEMD_H_
#define HEKLA_SERVICE_RUNTIME_SYSTEMD_H_

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace hekla::service {

// "READY=1", "STOPPING=1" or "WATCHDOG=1". False when nobody listens.
bool NotifySystemd(absl::string_view state);

// Silence of this length makes systemd restart the service (WatchdogSec=); infinite when it does not watch.
absl::Duration WatchdogTimeout();

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_SYSTEMD_H_
