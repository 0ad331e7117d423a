// A TCP link that can be cut: listens on loopback and passes bytes to a target and back, until it is told to
// break or to fall silent. Any thread; one thread of its own moves the bytes.
#ifndef HEKLA_SERVICE_CLIENT_CHAOS_LINK_PROXY_H_
#define HEKLA_SERVICE_CLIENT_CHAOS_LINK_PROXY_H_

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"

namespace hekla::chaos {

class LinkProxy {
 public:
  enum class Link {
    kUp,
    kBroken,  // connections are reset, new ones too: the other side's process is gone
    kSilent,  // nothing passes and nothing closes: a cable is out; back up, what waited passes
  };

  // UNAVAILABLE: no socket.
  static absl::StatusOr<std::unique_ptr<LinkProxy>> Start();
  ~LinkProxy();

  std::string address() const;  // "127.0.0.1:PORT", to connect to
  // 127.0.0.1:PORT, of connections from now on; without a target they are reset.
  void SetTarget(const std::string& address);
  void Set(Link link);

 private:
  // Bytes on their way from one socket to another.
  struct Flow {
    int from = -1, to = -1;
    std::string waiting;
  };
  struct Connection {
    int client = -1, server = -1;
    Flow up, down;
  };

  LinkProxy(int listener, int wake);
  void Run();
  void Accept();
  bool Join(Connection* connection, int target_port);
  static bool Move(Flow* flow, short ready_from, short ready_to);
  static void Close(Connection* connection);
  void Wake();

  const int listener_, wake_;
  absl::Mutex mutex_;
  int target_port_ ABSL_GUARDED_BY(mutex_) = 0;
  Link link_ ABSL_GUARDED_BY(mutex_) = Link::kUp;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Connection> connections_;  // of the thread
  std::thread thread_;
};

}  // namespace hekla::chaos

#endif  // HEKLA_SERVICE_CLIENT_CHAOS_LINK_PROXY_H_
