#include "service/client/chaos/link_proxy.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace hekla::chaos {
namespace {

constexpr int kPatienceMs = 20'000;

class Socket {
 public:
  explicit Socket(int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) : fd_(fd) {}
  Socket(Socket&& other) : fd_(std::exchange(other.fd_, -1)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  int fd() const { return fd_; }
  void Send(const std::string& text) const {
    ASSERT_EQ(send(fd_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  // So many bytes; fewer when the connection ends.
  std::string Receive(size_t count) const {
    std::string text;
    while (text.size() < count && Readable(kPatienceMs)) {
      char bytes[65536];
      const ssize_t got = recv(fd_, bytes, std::min(count - text.size(), sizeof(bytes)), 0);
      if (got <= 0) break;
      text.append(bytes, static_cast<size_t>(got));
    }
    return text;
  }
  bool Readable(int limit_ms) const {
    pollfd polled{fd_, POLLIN, 0};
    return poll(&polled, 1, limit_ms) == 1;
  }
  bool IsReset() const {
    char byte = 0;
    return Readable(kPatienceMs) && recv(fd_, &byte, 1, 0) == -1 && errno == ECONNRESET;
  }

 private:
  int fd_;
};

class LinkProxyTest : public testing::Test {
 protected:
  void SetUp() override {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(bind(listener_.fd(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(listen(listener_.fd(), 8), 0);
    socklen_t size = sizeof(address);
    getsockname(listener_.fd(), reinterpret_cast<sockaddr*>(&address), &size);
    target_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
    proxy_ = *LinkProxy::Start();
  }
  Socket Connect() const {
    Socket client;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const std::string text = proxy_->address();
    address.sin_port = htons(static_cast<uint16_t>(std::atoi(text.substr(text.rfind(':') + 1).c_str())));
    EXPECT_EQ(connect(client.fd(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return client;
  }
  Socket Accept() const { return Socket(accept(listener_.fd(), nullptr, nullptr)); }

  Socket listener_;
  std::string target_;
  std::unique_ptr<LinkProxy> proxy_;
};

TEST_F(LinkProxyTest, PassesBytesBothWays) {
  proxy_->SetTarget(target_);
  const Socket client = Connect(), server = Accept();
  client.Send("hello");
  EXPECT_EQ(server.Receive(5), "hello");
  server.Send("world");
  EXPECT_EQ(client.Receive(5), "world");
  const std::string large(3 << 20, 'x');  // more than the buffers on the way
  std::thread sender([&] { client.Send(large); });
  EXPECT_EQ(server.Receive(large.size()), large);
  sender.join();
}

TEST_F(LinkProxyTest, AnEndPassesToo) {
  proxy_->SetTarget(target_);
  const Socket client = Connect();
  { const Socket server = Accept(); }
  EXPECT_EQ(client.Receive(1), "");
}

TEST_F(LinkProxyTest, WithoutATargetConnectionsAreReset) {
  EXPECT_TRUE(Connect().IsReset());
  proxy_->SetTarget(target_);
  const Socket client = Connect(), server = Accept();
  client.Send("x");
  EXPECT_EQ(server.Receive(1), "x");
}

TEST_F(LinkProxyTest, ABrokenLinkResetsOldAndNewConnections) {
  proxy_->SetTarget(target_);
  const Socket client = Connect(), server = Accept();
  proxy_->Set(LinkProxy::Link::kBroken);
  EXPECT_TRUE(client.IsReset());
  EXPECT_TRUE(server.IsReset());
  EXPECT_TRUE(Connect().IsReset());
}

TEST_F(LinkProxyTest, ASilentLinkHoldsEverythingUntilItIsBack) {
  proxy_->SetTarget(target_);
  const Socket client = Connect(), server = Accept();
  client.Send("before");
  EXPECT_EQ(server.Receive(6), "before");
  proxy_->Set(LinkProxy::Link::kSilent);
  client.Send("during");
  const Socket late = Connect();
  late.Send("late");
  // Nothing can be waited for: what would pass, passes within far less.
  EXPECT_FALSE(server.Readable(50));
  EXPECT_FALSE(listener_.Readable(50));
  proxy_->Set(LinkProxy::Link::kUp);
  EXPECT_EQ(server.Receive(6), "during");
  const Socket late_server = Accept();
  EXPECT_EQ(late_server.Receive(4), "late");
}

}  // namespace
}  // namespace hekla::chaos
