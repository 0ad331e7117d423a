// Models as one caller sees them: of those that its token does not allow nothing is said, not even their
// names.
#ifndef HEKLA_SERVICE_ROUTER_MODEL_ACCESS_H_
#define HEKLA_SERVICE_ROUTER_MODEL_ACCESS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "hekla/v1/inference.pb.h"
#include "service/router/worker_registry.h"
#include "service/runtime/token_file.h"

namespace hekla::service {

// The model that `name` means to this caller; without a name the only one it may use. Errors:
// PERMISSION_DENIED FORBIDDEN, and those of WorkerRegistry::ResolveModel.
absl::StatusOr<std::string> ResolveAllowedModel(const WorkerRegistry& registry, const Grant& grant,
                                                const std::string& name);

// The models that are served and that this caller may use.
std::vector<v1::Model> AllowedModels(const WorkerRegistry& registry, const Grant& grant);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_MODEL_ACCESS_H_
