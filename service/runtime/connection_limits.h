// What both ends of our connections must agree on.
#ifndef HEKLA_SERVICE_RUNTIME_CONNECTION_LIMITS_H_
#define HEKLA_SERVICE_RUNTIME_CONNECTION_LIMITS_H_

#include "absl/time/time.h"

namespace hekla::service {

// Of one gRPC message, unless a server is told another limit.
inline constexpr int kMaxMessageBytes = 16 << 20;

// Between keep-alive pings, of clients and servers of ours.
inline constexpr absl::Duration kPingInterval = absl::Seconds(10);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_CONNECTION_LIMITS_H_
