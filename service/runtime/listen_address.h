// Addresses to listen on: what is only this machine, and the refusal of anything else without encryption.
// Pure.
#ifndef HEKLA_SERVICE_RUNTIME_LISTEN_ADDRESS_H_
#define HEKLA_SERVICE_RUNTIME_LISTEN_ADDRESS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace hekla::service {

// `address` is HOST:PORT with a host of 127.0.0.0/8, ::1 in brackets (or an IPv4 one mapped into IPv6) or
// localhost, or a unix socket. Other names are not asked for: what they mean can change.
bool IsLoopback(const std::string& address);

// FAILED_PRECONDITION unless `address` is loopback, `is_encrypted` or `insecure`. `what` listens there:
// "metrics". `remedy` is what the user can do besides --insecure: "give --tls-cert and --tls-key".
absl::Status CheckMayListen(const std::string& address, bool is_encrypted, bool insecure,
                            absl::string_view what, absl::string_view remedy);

// Metrics are served without TLS.
inline constexpr char kMetricsRemedy[] = "Serve metrics on loopback or not at all (--metrics-listen '')";

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_LISTEN_ADDRESS_H_
