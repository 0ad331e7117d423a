#include "worker/watchdog.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

namespace hekla::worker {
namespace {

// Does nothing but say when its last step was.
class AgedEngine final : public engine::EngineInterface {
 public:
  absl::StatusOr<uint64_t> Submit(schedule::Request, std::shared_ptr<engine::TokenSink>) override {
    return absl::UnimplementedError("no requests here");
  }
  void Cancel(uint64_t) override {}
  void Park(uint64_t) override {}
  void Unpark(uint64_t) override {}
  void ObserveSteps(engine::StepObserver) override {}
  void Drain() override {}
  int64_t NowMicros() const override { return 0; }
  engine::EngineStatus Status() const override {
    engine::EngineStatus status;
    status.last_step_age = age;
    return status;
  }
  absl::Duration age;
};

TEST(WatchdogTest, IsFedWhileStepsAreMade) {
  const std::string path = testing::TempDir() + "watchdog-" + std::to_string(getpid());
  const int listener = socket(AF_UNIX, SOCK_DGRAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  setenv("NOTIFY_SOCKET", path.c_str(), 1);
  AgedEngine engine;
  for (const absl::Duration alive : {absl::ZeroDuration(), absl::Milliseconds(29999)}) {
    engine.age = alive;
    EXPECT_TRUE(FeedWatchdog(engine, absl::Seconds(30)));
    char text[20] = {};
    EXPECT_EQ(recv(listener, text, sizeof(text), MSG_DONTWAIT), 10);
    EXPECT_STREQ(text, "WATCHDOG=1");
  }
  engine.age = absl::Seconds(30);
  EXPECT_FALSE(FeedWatchdog(engine, absl::Seconds(30)));
  char text[20] = {};
  EXPECT_LT(recv(listener, text, sizeof(text), MSG_DONTWAIT), 0) << text;
  unsetenv("NOTIFY_SOCKET");
  close(listener);
  unlink(path.c_str());
}

}  // namespace
}  // namespace hekla::worker
