// The `hekla` command.
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "service/client/command.h"
#include "service/runtime/log.h"
#include "service/runtime/shutdown_signal.h"
#include "worker/base/release_mutexes.h"

int main(int argc, char** argv) {
  hekla::ReleaseMutexes();
  hekla::service::ConfigureLog({hekla::service::LogLevel::kError});  // errors are told by the command itself
  hekla::service::InstallShutdownSignals();
  std::signal(SIGPIPE, SIG_DFL);  // `hekla generate | head` ends when head does
  const auto interrupted = [] { return hekla::service::WaitForShutdownSignal(absl::ZeroDuration()) != 0; };
  const bool is_terminal = isatty(STDOUT_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
  return hekla::service::RunHekla(std::vector<std::string>(argv + 1, argv + argc),
                                  {std::cin, std::cout, std::cerr, interrupted, is_terminal});
}
