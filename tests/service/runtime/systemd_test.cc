#include "service/runtime/systemd.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <string>

namespace hekla::service {
namespace {

class SystemdTest : public testing::Test {
 protected:
  ~SystemdTest() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
  }
};

// Listens as systemd does, on a path or (with '@') an abstract name, and receives one message.
class Listener {
 public:
  explicit Listener(const std::string& name) : name_(name), socket_(socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&address), size), 0) << name;
  }
  ~Listener() {
    close(socket_);
    unlink(name_.c_str());
  }
  std::string Receive() {
    char text[100];
    const ssize_t count = recv(socket_, text, sizeof(text), MSG_DONTWAIT);
    return count < 0 ? "nothing" : std::string(text, static_cast<size_t>(count));
  }

 private:
  const std::string name_;
  const int socket_;
};

TEST_F(SystemdTest, SendsToAPathAndToAnAbstractName) {
  const std::string pid = std::to_string(getpid());
  for (const std::string& name : {testing::TempDir() + "notify-" + pid, "@hekla-notify-" + pid}) {
    Listener listener(name);
    setenv("NOTIFY_SOCKET", name.c_str(), 1);
    EXPECT_TRUE(NotifySystemd("READY=1"));
    EXPECT_EQ(listener.Receive(), "READY=1") << name;
  }
}

TEST_F(SystemdTest, NobodyListens) {
  EXPECT_FALSE(NotifySystemd("READY=1"));
  setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
  EXPECT_FALSE(NotifySystemd("READY=1"));
  setenv("NOTIFY_SOCKET", std::string(200, '/').c_str(), 1);
  EXPECT_FALSE(NotifySystemd("READY=1"));
}

TEST_F(SystemdTest, TheWatchdogIsThisProcessOrNone) {
  EXPECT_EQ(WatchdogTimeout(), absl::InfiniteDuration());
  setenv("WATCHDOG_USEC", "30000000", 1);
  EXPECT_EQ(WatchdogTimeout(), absl::Seconds(30));
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(WatchdogTimeout(), absl::Seconds(30));
  setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(WatchdogTimeout(), absl::InfiniteDuration());
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  setenv("WATCHDOG_USEC", "soon", 1);
  EXPECT_EQ(WatchdogTimeout(), absl::InfiniteDuration());
}

}  // namespace
}  // namespace hekla::service
