// Small files read whole: certificates, keys.
#ifndef HEKLA_SERVICE_RUNTIME_FILE_H_
#define HEKLA_SERVICE_RUNTIME_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace hekla::service {

// NOT_FOUND, with the path, when it cannot be read.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_FILE_H_
