#include "service/runtime/listen_address.h"

#include <arpa/inet.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace hekla::service {
namespace {

bool IsLoopbackIpv6(const std::string& host) {
  in6_addr address{};
  if (inet_pton(AF_INET6, host.c_str(), &address) != 1) return false;
  if (IN6_IS_ADDR_LOOPBACK(&address)) return true;
  return IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == 127;
}

bool IsLoopbackIpv4(const std::string& host) {
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

}  // namespace

bool IsLoopback(const std::string& address) {
  if (absl::StartsWith(address, "unix:")) return true;
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return false;
  const std::string host = address.substr(0, colon), port = address.substr(colon + 1);
  if (port.empty() ||
      !std::all_of(port.begin(), port.end(), [](unsigned char c) { return absl::ascii_isdigit(c); })) {
    return false;
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    return IsLoopbackIpv6(host.substr(1, host.size() - 2));
  }
  return absl::EqualsIgnoreCase(host, "localhost") || IsLoopbackIpv4(host);
}

absl::Status CheckMayListen(const std::string& address, bool is_encrypted, bool insecure,
                            absl::string_view what, absl::string_view remedy) {
  if (is_encrypted || insecure || IsLoopback(address)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("refusing to serve ", what, " on ", address,
                                                    " without TLS: it is not a loopback address. ", remedy,
                                                    ", or --insecure to allow it"));
}

}  // namespace hekla::service
