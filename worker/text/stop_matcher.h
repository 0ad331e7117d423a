// Stop strings in streamed text. Push() returns the text that is safe to send: all but the longest suffix
// that is a proper prefix of a stop string. After a match, matched() is its index and nothing more comes out.
// The earliest match in the text wins; of those that begin at the same byte the longest. So a match is held
// back while an earlier or longer one can still come, and how the text was cut into Push() calls makes no
// difference. Empty stop strings never match. One per stream.
#ifndef HEKLA_WORKER_TEXT_STOP_MATCHER_H_
#define HEKLA_WORKER_TEXT_STOP_MATCHER_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace hekla::text {

class StopMatcher {
 public:
  // `include_stop`: the matched stop string itself is part of the text.
  explicit StopMatcher(std::vector<std::string> stops, bool include_stop = false);
  std::string Push(absl::string_view text);
  // The text ends here: what was held back, up to a stop string in it (look at matched() again).
  std::string Flush();
  int matched() const { return matched_; }  // -1 = none yet

 private:
  std::string Resolve(bool at_end);

  std::vector<std::string> stops_;
  bool include_stop_;
  int matched_ = -1;
  std::string held_;
};

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_STOP_MATCHER_H_
