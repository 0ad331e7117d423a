#include "service/runtime/reload_signal.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <utility>

#include "worker/base/check.h"

namespace hekla::service {
namespace {

constexpr char kReload = 'r', kStop = 's';
std::atomic<int> pipe_end = -1;  // for writing; -1: no ReloadSignal lives
int pipe_read = -1;

void OnHangUp(int) {
  const int saved = errno;
  const char byte = kReload;
  // A full pipe holds enough reloads.
  if (write(pipe_end, &byte, 1) < 0) errno = 0;
  errno = saved;
}

}  // namespace

ReloadSignal::ReloadSignal(std::function<void()> reload) : reload_(std::move(reload)) {
  HEKLA_CHECK(pipe_end < 0, "there is a ReloadSignal already");
  int ends[2];
  HEKLA_CHECK(pipe(ends) == 0, "no pipe for signals");
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  pipe_read = ends[0];
  pipe_end = ends[1];
  struct sigaction action = {};
  action.sa_handler = OnHangUp;
  action.sa_flags = SA_RESTART;
  sigaction(SIGHUP, &action, nullptr);
  thread_ = std::thread([this] { Run(); });
}

ReloadSignal::~ReloadSignal() {
  signal(SIGHUP, SIG_IGN);
  fcntl(pipe_end, F_SETFL, 0);
  const char byte = kStop;
  HEKLA_CHECK(write(pipe_end, &byte, 1) == 1, "the pipe of signals broke");
  thread_.join();
  close(pipe_end.exchange(-1));
  close(pipe_read);
}

void ReloadSignal::Run() {
  char bytes[64];
  while (true) {
    const ssize_t count = read(pipe_read, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    HEKLA_CHECK(count > 0, "the pipe of signals broke");
    for (ssize_t i = 0; i < count; ++i) {
      if (bytes[i] == kStop) return;
    }
    reload_();
  }
}

}  // namespace hekla::service
