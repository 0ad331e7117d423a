// Runs a function each time the process gets SIGHUP, on a thread of its own. One at a time in a process.
#ifndef HEKLA_SERVICE_RUNTIME_RELOAD_SIGNAL_H_
#define HEKLA_SERVICE_RUNTIME_RELOAD_SIGNAL_H_

#include <functional>
#include <thread>

namespace hekla::service {

class ReloadSignal {
 public:
  // Signals that come while `reload` runs lead to one more run.
  explicit ReloadSignal(std::function<void()> reload);
  // SIGHUP is ignored from now on.
  ~ReloadSignal();

 private:
  void Run();

  const std::function<void()> reload_;
  std::thread thread_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_RELOAD_SIGNAL_H_
