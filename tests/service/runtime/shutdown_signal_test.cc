#include "service/runtime/shutdown_signal.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/time/clock.h"

namespace hekla::service {
namespace {

// What a child process does, and the exit code it ends with.
template <typename Body>
int ExitCodeOf(Body body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(ShutdownSignalTest, TheFirstSignalIsAnEvent) {
  EXPECT_EQ(ExitCodeOf([] {
              InstallShutdownSignals();
              if (WaitForShutdownSignal(absl::Milliseconds(5)) != 0) return 1;
              raise(SIGTERM);
              if (WaitForShutdownSignal() != SIGTERM) return 2;
              return WaitForShutdownSignal(absl::ZeroDuration()) == SIGTERM ? 0 : 3;  // and stays one
            }),
            0);
}

TEST(ShutdownSignalTest, TheSecondSignalEndsTheProcess) {
  EXPECT_EQ(ExitCodeOf([] {
              InstallShutdownSignals();
              raise(SIGTERM);
              raise(SIGINT);
              return 0;
            }),
            128 + SIGINT);
}

}  // namespace
}  // namespace hekla::service
