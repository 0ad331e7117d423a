#include "service/client/chaos/fault.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace hekla::chaos {
namespace {

struct NamedFault {
  Fault fault;
  const char *name, *story;
};
constexpr NamedFault kFaults[] = {
    {Fault::kNone, "none", "nothing, to compare with"},
    {Fault::kKill, "kill", "kill -9 of a worker"},
    {Fault::kFreeze, "freeze", "SIGSTOP of a worker"},
    {Fault::kLinkReset, "link-reset", "a worker's link resets"},
    {Fault::kLinkSilent, "link-silent", "a worker's link is silent"},
    {Fault::kSlow, "slow", "a worker at a tenth of its speed"},
    {Fault::kDrain, "drain", "drain of a worker"},
    {Fault::kRestart, "restart", "the router is restarted"},
};

const NamedFault& Find(Fault fault) { return kFaults[static_cast<size_t>(fault)]; }

}  // namespace

std::vector<Fault> AllFaults() {
  std::vector<Fault> faults;
  for (const NamedFault& each : kFaults) faults.push_back(each.fault);
  return faults;
}

const char* FaultName(Fault fault) { return Find(fault).name; }
const char* FaultStory(Fault fault) { return Find(fault).story; }

absl::StatusOr<std::vector<Fault>> ParseFaults(const std::string& names) {
  std::vector<Fault> faults;
  for (const absl::string_view name : absl::StrSplit(names, ',', absl::SkipEmpty())) {
    const NamedFault* found = nullptr;
    for (const NamedFault& each : kFaults) {
      if (name == each.name) found = &each;
    }
    if (found == nullptr) {
      const auto append = [](std::string* out, const NamedFault& each) { out->append(each.name); };
      return absl::InvalidArgumentError(
          absl::StrCat("'", name, "' is not one of ", absl::StrJoin(kFaults, ", ", append)));
    }
    faults.push_back(found->fault);
  }
  if (faults.empty()) return absl::InvalidArgumentError("no fault is named");
  return faults;
}

}  // namespace hekla::chaos
