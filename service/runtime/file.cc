#include "service/runtime/file.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace hekla::service {
namespace {

// A file changed this recently may change again without another time stamp: its content is compared.
constexpr absl::Duration kStampStep = absl::Seconds(2);

}  // namespace

absl::StatusOr<std::string> ReadWholeFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.good() && !file.eof()) return absl::NotFoundError(absl::StrCat("file ", path, " cannot be read"));
  return content;
}

absl::StatusOr<std::optional<std::vector<std::string>>> WatchedFiles::ReadIfChanged() {
  std::vector<Stamp> stamps;
  absl::Time newest = absl::InfinitePast();
  for (const std::string& path : paths_) {
    struct stat found {};
    if (stat(path.c_str(), &found) != 0) continue;  // reading says so below
    newest = std::max(newest, absl::TimeFromTimespec(found.st_ctim));
    stamps.emplace_back(found.st_dev, found.st_ino, found.st_size,
                        absl::ToUnixNanos(absl::TimeFromTimespec(found.st_ctim)));
  }
  if (stamps.size() == paths_.size() && stamps == stamps_ && absl::Now() > newest + kStampStep)
    return std::nullopt;
  std::vector<std::string> contents;
  for (const std::string& path : paths_) {
    absl::StatusOr<std::string> content = ReadWholeFile(path);
    if (!content.ok()) {
      stamps_.clear();
      if (content.status().message() == error_) return std::nullopt;
      error_ = std::string(content.status().message());
      return content.status();
    }
    contents.push_back(*std::move(content));
  }
  error_.clear();
  stamps_ = std::move(stamps);
  if (contents == contents_) return std::nullopt;
  contents_ = contents;
  return contents;
}

}  // namespace hekla::service
