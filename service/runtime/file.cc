#include "service/runtime/file.h"

#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace hekla::service {

absl::StatusOr<std::string> ReadWholeFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.good() && !file.eof()) return absl::NotFoundError(absl::StrCat("file ", path, " cannot be read"));
  return content;
}

}  // namespace hekla::service
