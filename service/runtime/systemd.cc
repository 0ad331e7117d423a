#include "service/runtime/systemd.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "absl/strings/numbers.h"

namespace hekla::service {

bool NotifySystemd(absl::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return false;
  const size_t length = std::strlen(path);
  sockaddr_un address = {};
  if (length >= sizeof(address.sun_path)) return false;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';  // the abstract name space
  const int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (sender < 0) return false;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  const ssize_t sent = sendto(sender, state.data(), state.size(), MSG_NOSIGNAL,
                              reinterpret_cast<const sockaddr*>(&address), size);
  close(sender);
  return sent == static_cast<ssize_t>(state.size());
}

absl::Duration WatchdogTimeout() {
  const char* microseconds = std::getenv("WATCHDOG_USEC");
  const char* process = std::getenv("WATCHDOG_PID");
  int64_t value = 0, pid = 0;
  if (microseconds == nullptr || !absl::SimpleAtoi(microseconds, &value) || value <= 0)
    return absl::InfiniteDuration();
  if (process != nullptr && (!absl::SimpleAtoi(process, &pid) || pid != getpid()))
    return absl::InfiniteDuration();
  return absl::Microseconds(value);
}

}  // namespace hekla::service
