#include "service/router/model_access.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "service/runtime/auth.h"
#include "service/runtime/status.h"
#include "worker/base/status_macros.h"

namespace hekla::service {

absl::StatusOr<std::string> ResolveAllowedModel(const WorkerRegistry& registry, const Grant& grant,
                                                const std::string& name) {
  if (grant.models.empty()) return registry.ResolveModel(name);
  if (name.empty() && grant.models.size() > 1) {
    return InvalidField("model", absl::StrCat("is empty, and tenant '", grant.tenant, "' may use ",
                                              grant.models.size(), ": ", absl::StrJoin(grant.models, ", ")));
  }
  const std::string& model = name.empty() ? grant.models.front() : name;
  HEKLA_RETURN_IF_ERROR(CheckModelAllowed(grant, model));
  absl::StatusOr<std::string> resolved = registry.ResolveModel(model);
  if (!absl::IsNotFound(resolved.status())) return resolved;
  // The registry's error names the models that there are.
  return WithMetadata(MakeError(absl::StatusCode::kNotFound, v1::ERROR_REASON_UNKNOWN_MODEL,
                                absl::StrCat("model '", model, "' is not served here")),
                      "value", model);
}

std::vector<v1::Model> AllowedModels(const WorkerRegistry& registry, const Grant& grant) {
  std::vector<v1::Model> allowed;
  for (v1::Model& model : registry.Models()) {
    if (grant.MayUse(model.name())) allowed.push_back(std::move(model));
  }
  return allowed;
}

}  // namespace hekla::service
