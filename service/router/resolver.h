// Names to addresses, for workers that are told by name: a name may have many addresses, and other ones later.
#ifndef HEKLA_SERVICE_ROUTER_RESOLVER_H_
#define HEKLA_SERVICE_ROUTER_RESOLVER_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace hekla::service {

// "HOST:PORT" to every "ADDRESS:PORT", sorted, each once; blocks. Any thread.
using Resolver = std::function<absl::StatusOr<std::vector<std::string>>(const std::string& host_port)>;

// By the system's resolver. Errors: INVALID_ARGUMENT no HOST:PORT; UNAVAILABLE the name has no address now.
absl::StatusOr<std::vector<std::string>> ResolveBySystem(const std::string& host_port);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_RESOLVER_H_
