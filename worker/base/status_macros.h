// Early return on a failed absl::Status or StatusOr. Debian 12's Abseil has no such macros.
//
//   HEKLA_RETURN_IF_ERROR(DoIt());
//   HEKLA_ASSIGN_OR_RETURN(auto file, Open(path));
#ifndef HEKLA_WORKER_BASE_STATUS_MACROS_H_
#define HEKLA_WORKER_BASE_STATUS_MACROS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace hekla {

// `status` with "context: " put before its message; OK stays OK.
inline absl::Status WithContext(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(context, ": ", status.message()));
}

}  // namespace hekla

#define HEKLA_RETURN_IF_ERROR(expr)                          \
  do {                                                       \
    if (absl::Status hekla_status = (expr); !hekla_status.ok()) return hekla_status; \
  } while (false)

#define HEKLA_CONCAT_INNER(a, b) a##b
#define HEKLA_CONCAT(a, b) HEKLA_CONCAT_INNER(a, b)
#define HEKLA_ASSIGN_OR_RETURN(lhs, expr) HEKLA_ASSIGN_OR_RETURN_IMPL(HEKLA_CONCAT(hekla_or_, __LINE__), lhs, expr)
#define HEKLA_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                                \
  if (!tmp.ok()) return std::move(tmp).status();    \
  lhs = *std::move(tmp)

#endif  // HEKLA_WORKER_BASE_STATUS_MACROS_H_
