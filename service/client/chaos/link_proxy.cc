#include "service/client/chaos/link_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace hekla::chaos {
namespace {

constexpr size_t kMostWaiting = 256 << 10;  // bytes of a flow; then its sender is not read
constexpr int kBacklog = 128;

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

void NoDelay(int socket) {
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

// Closing then sends a reset instead of an orderly end.
void Reset(int socket) {
  if (socket < 0) return;
  const linger now{1, 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  close(socket);
}

}  // namespace

absl::StatusOr<std::unique_ptr<LinkProxy>> LinkProxy::Start() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const sockaddr_in address = Loopback(0);
  if (listener < 0 || wake < 0 || bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener, kBacklog) != 0) {
    close(listener);
    close(wake);
    return absl::UnavailableError("cannot listen on a port of loopback");
  }
  return std::unique_ptr<LinkProxy>(new LinkProxy(listener, wake));
}

LinkProxy::LinkProxy(int listener, int wake) : listener_(listener), wake_(wake), thread_([this] { Run(); }) {}

LinkProxy::~LinkProxy() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  Wake();
  thread_.join();
  for (Connection& connection : connections_) Close(&connection);
  close(listener_);
  close(wake_);
}

std::string LinkProxy::address() const {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  return absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
}

void LinkProxy::SetTarget(const std::string& address) {
  int port = 0;
  if (!absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port)) port = 0;
  absl::MutexLock lock(&mutex_);
  target_port_ = port;
}

void LinkProxy::Set(Link link) {
  {
    absl::MutexLock lock(&mutex_);
    link_ = link;
  }
  Wake();
}

void LinkProxy::Wake() {
  const uint64_t one = 1;
  // It fails only when wakes are waiting already.
  if (write(wake_, &one, sizeof(one)) < 0) return;
}

void LinkProxy::Close(Connection* connection) {
  Reset(connection->client);
  Reset(connection->server);
  connection->client = connection->server = -1;
}

void LinkProxy::Accept() {
  for (;;) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0) return;
    NoDelay(client);
    Connection connection;
    connection.client = client;
    connections_.push_back(std::move(connection));
  }
}

// Connects to the target. False: nobody is there.
bool LinkProxy::Join(Connection* connection, int target_port) {
  if (target_port == 0) return false;
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(target_port);
  // On loopback this answers at once.
  if (server < 0 || connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (server >= 0) close(server);
    return false;
  }
  NoDelay(server);
  connection->server = server;
  connection->up = {connection->client, server, ""};
  connection->down = {server, connection->client, ""};
  return true;
}

// False: the connection has ended.
bool LinkProxy::Move(Flow* flow, short ready_from, short ready_to) {
  if ((ready_from & (POLLIN | POLLHUP | POLLERR)) != 0 && flow->waiting.size() < kMostWaiting) {
    char bytes[16384];
    const ssize_t count = recv(flow->from, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return false;
    if (count > 0) flow->waiting.append(bytes, static_cast<size_t>(count));
    ready_to |= POLLOUT;  // try at once; EAGAIN does no harm
  }
  if ((ready_to & POLLOUT) != 0 && !flow->waiting.empty()) {
    const ssize_t count = send(flow->to, flow->waiting.data(), flow->waiting.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (count > 0) flow->waiting.erase(0, static_cast<size_t>(count));
  }
  return true;
}

void LinkProxy::Run() {
  std::vector<pollfd> polled;
  for (;;) {
    Link link = Link::kUp;
    int target_port = 0;
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return;
      link = link_;
      target_port = target_port_;
    }
    for (Connection& connection : connections_) {
      const bool ends = link == Link::kBroken ||
                        (link == Link::kUp && connection.server < 0 && !Join(&connection, target_port));
      if (ends) Close(&connection);
    }
    std::erase_if(connections_, [](const Connection& each) { return each.client < 0; });
    polled.assign({{wake_, POLLIN, 0}, {listener_, POLLIN, 0}});
    for (const Connection& connection : connections_) {
      const bool silent = link == Link::kSilent;
      const auto events = [](const Flow& out, const Flow& in) {
        return static_cast<short>((out.waiting.size() < kMostWaiting ? POLLIN : 0) |
                                  (in.waiting.empty() ? 0 : POLLOUT));
      };
      polled.push_back({silent ? -1 : connection.client, events(connection.up, connection.down), 0});
      polled.push_back({silent ? -1 : connection.server, events(connection.down, connection.up), 0});
    }
    if (poll(polled.data(), polled.size(), -1) < 0) continue;
    uint64_t wakes = 0;
    if ((polled[0].revents & POLLIN) != 0 && read(wake_, &wakes, sizeof(wakes)) > 0) continue;
    for (size_t i = 0; i < connections_.size(); ++i) {
      const short client = polled[2 + 2 * i].revents, server = polled[3 + 2 * i].revents;
      Connection& connection = connections_[i];
      if (!Move(&connection.up, client, server) || !Move(&connection.down, server, client)) Close(&connection);
    }
    if ((polled[1].revents & POLLIN) != 0) Accept();
  }
}

}  // namespace hekla::chaos
