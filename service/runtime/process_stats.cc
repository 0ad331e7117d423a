#include "service/runtime/process_stats.h"

#include <dirent.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace hekla::service {
namespace {

std::string ReadFile(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Field `index` of /proc/self/stat counted from the one after the program's name, which may hold spaces.
double StatField(const std::vector<std::string>& fields, size_t index) {
  double value = 0;
  return index < fields.size() && absl::SimpleAtod(fields[index], &value) ? value : 0;
}

double BootTimeSeconds() {
  for (const absl::string_view line : absl::StrSplit(ReadFile("/proc/stat"), '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (words.size() == 2 && words[0] == "btime") return StatField(words, 1);
  }
  return 0;
}

int CountOpenFds() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  int count = -3;  // ".", ".." and the directory itself
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

}  // namespace

ProcessStats ReadProcessStats() {
  const std::string stat = ReadFile("/proc/self/stat");
  const size_t name_end = stat.rfind(')');
  ProcessStats stats;
  if (name_end == std::string::npos) return stats;
  const std::vector<std::string> fields = absl::StrSplit(stat.substr(name_end + 2), ' ');
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  // proc(5): utime is field 14 and stime 15 of the line, num_threads 20, starttime 22, rss 24; the name is
  // field 2.
  stats.cpu_seconds = (StatField(fields, 11) + StatField(fields, 12)) / ticks;
  stats.threads = StatField(fields, 17);
  stats.start_time_seconds = BootTimeSeconds() + StatField(fields, 19) / ticks;
  stats.resident_bytes = StatField(fields, 21) * static_cast<double>(sysconf(_SC_PAGESIZE));
  stats.open_fds = CountOpenFds();
  return stats;
}

}  // namespace hekla::service
