#include "worker/text/stop_matcher.h"

#include <utility>

#include "absl/strings/match.h"

namespace hekla::text {

StopMatcher::StopMatcher(std::vector<std::string> stops, bool include_stop)
    : stops_(std::move(stops)), include_stop_(include_stop) {}

std::string StopMatcher::Push(absl::string_view text) {
  if (matched_ >= 0) return "";
  held_.append(text.data(), text.size());
  return Resolve(false);
}

std::string StopMatcher::Flush() { return matched_ >= 0 ? "" : Resolve(true); }

// Takes decided text from the front of held_. It stops at the first byte where a stop string begins or,
// unless `at_end`, may still begin.
std::string StopMatcher::Resolve(bool at_end) {
  const absl::string_view all = held_;
  size_t decided = 0;
  for (; decided < all.size(); ++decided) {
    const absl::string_view rest = all.substr(decided);
    int longest = -1;
    bool open = false;
    for (size_t i = 0; i < stops_.size(); ++i) {
      const std::string& stop = stops_[i];
      if (stop.empty() || stop[0] != rest[0]) continue;
      if (stop.size() > rest.size()) {
        open = open || (!at_end && absl::StartsWith(stop, rest));
      } else if (absl::StartsWith(rest, stop) && (longest < 0 || stop.size() > stops_[longest].size())) {
        longest = static_cast<int>(i);
      }
    }
    if (open) break;
    if (longest < 0) continue;
    matched_ = longest;
    std::string out = held_.substr(0, decided + (include_stop_ ? stops_[longest].size() : 0));
    held_.clear();
    return out;
  }
  std::string out = held_.substr(0, decided);
  held_.erase(0, decided);
  return out;
}

}  // namespace hekla::text
