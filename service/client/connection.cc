#include "service/client/connection.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "service/runtime/status.h"

namespace hekla::service {
namespace {

constexpr absl::Duration kInterruptPoll = absl::Milliseconds(20);

}  // namespace

void AddConnectionFlags(CommandLine& line, const std::string& default_address, Connection* connection) {
  connection->channel.address = default_address;
  line.Section("Connection");
  line.Add("address", "HOST:PORT", "of the router, or of one worker", &connection->channel.address);
  line.AddSwitch("tls", "use TLS with the system's certificates", &connection->channel.tls);
  line.Add("tls-ca", "FILE", "use TLS; the server's certificate is signed by it, PEM",
           &connection->channel.tls_ca_path);
  line.Add("tls-cert", "FILE", "certificate to show, PEM", &connection->channel.tls_cert_path);
  line.Add("tls-key", "FILE", "its private key, PEM", &connection->channel.tls_key_path);
  line.Add("token-file", "FILE", "its first line is sent as bearer token", &connection->channel.token_path);
  line.AddSwitch("insecure", "send the token beyond loopback without TLS", &connection->channel.insecure);
  line.Add("timeout", "DURATION", "give up after this long; 0 = never", &connection->timeout);
}

InterruptibleCall::InterruptibleCall(const Connection& connection, const CommandStreams& streams) {
  if (connection.timeout > absl::ZeroDuration()) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + connection.timeout));
  }
  watcher_ = std::thread([this, interrupted = streams.interrupted] {
    while (!done_.WaitForNotificationWithTimeout(kInterruptPoll)) {
      if (!interrupted()) continue;
      context_.TryCancel();
      return;
    }
  });
}

InterruptibleCall::~InterruptibleCall() {
  done_.Notify();
  watcher_.join();
}

absl::Status Explain(const grpc::Status& status, const Connection& connection) {
  absl::Status result = FromGrpc(status);
  const bool said_by_hekla = !ErrorInfoOf(result).reason().empty();
  if (!absl::IsUnavailable(result) || said_by_hekla) return result;
  return absl::UnavailableError(
      absl::StrCat("nobody answers at ", connection.channel.address, " (", status.error_message(), ")"));
}

}  // namespace hekla::service
