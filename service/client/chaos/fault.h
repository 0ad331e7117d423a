// What can happen to a cluster under load.
#ifndef HEKLA_SERVICE_CLIENT_CHAOS_FAULT_H_
#define HEKLA_SERVICE_CLIENT_CHAOS_FAULT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace hekla::chaos {

enum class Fault {
  kNone,       // to compare with
  kKill,       // kill -9 of a worker
  kFreeze,     // SIGSTOP of a worker: its connections stay
  kLinkReset,  // a worker's connections are reset, and cannot be made again
  kLinkSilent, // nothing passes on a worker's connections
  kSlow,       // a worker computes a tenth of the time
  kDrain,      // an operator drains a worker
  kRestart,    // SIGTERM of the router, then a new one
};

std::vector<Fault> AllFaults();
const char* FaultName(Fault fault);    // "kill"
const char* FaultStory(Fault fault);   // "kill -9 of a worker"
// "kill,freeze"; INVALID_ARGUMENT names the one that is not known and those that are.
absl::StatusOr<std::vector<Fault>> ParseFaults(const std::string& names);

}  // namespace hekla::chaos

#endif  // HEKLA_SERVICE_CLIENT_CHAOS_FAULT_H_
