// Small files read whole: certificates, keys, tokens; and read again when they change.
#ifndef HEKLA_SERVICE_RUNTIME_FILE_H_
#define HEKLA_SERVICE_RUNTIME_FILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace hekla::service {

// NOT_FOUND, with the path, when it cannot be read.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path);

// Files that belong together, looked at whenever they are asked for: no thread, and a change counts at once.
// The thread rule is the owner's.
class WatchedFiles {
 public:
  explicit WatchedFiles(std::vector<std::string> paths) : paths_(std::move(paths)) {}

  // The contents, in the order of the paths, when they are not those of the last time; otherwise nothing. One
  // stat a file as long as nothing changes. NOT_FOUND when a file cannot be read, once until that changes.
  absl::StatusOr<std::optional<std::vector<std::string>>> ReadIfChanged();

 private:
  using Stamp = std::tuple<uint64_t, uint64_t, int64_t, int64_t>;  // device, inode, bytes, ns of last change

  const std::vector<std::string> paths_;
  std::vector<Stamp> stamps_;
  std::vector<std::string> contents_;
  std::string error_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_FILE_H_
