#include "service/runtime/shutdown_signal.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "absl/time/clock.h"
#include "worker/base/check.h"

namespace hekla::service {
namespace {

int signal_pipe[2] = {-1, -1};  // the end for reading becomes readable, for ever, with the first signal
std::atomic<int> first_signal = 0;

void OnSignal(int signal_number) {
  int none = 0;
  if (!first_signal.compare_exchange_strong(none, signal_number)) _exit(128 + signal_number);
  const char byte = 0;
  if (write(signal_pipe[1], &byte, 1) != 1) _exit(128 + signal_number);
}

}  // namespace

void InstallShutdownSignals() {
  HEKLA_CHECK(pipe(signal_pipe) == 0, "no pipe for signals");
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
}

int WaitForShutdownSignal(absl::Duration limit) {
  const absl::Time end = absl::Now() + limit;
  while (true) {
    const int64_t left_ms = absl::ToInt64Milliseconds(end - absl::Now());
    const int wait_ms =
        limit == absl::InfiniteDuration() ? -1 : static_cast<int>(std::clamp<int64_t>(left_ms, 0, 1 << 30));
    pollfd readable = {signal_pipe[0], POLLIN, 0};
    const int count = poll(&readable, 1, wait_ms);
    if (count > 0) return first_signal;
    if (count == 0) return 0;
    HEKLA_CHECK(errno == EINTR, "poll of the signal pipe failed");
  }
}

}  // namespace hekla::service
