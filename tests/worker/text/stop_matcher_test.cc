#include "worker/text/stop_matcher.h"

#include <gtest/gtest.h>

#include <random>

namespace hekla::text {
namespace {

TEST(StopMatcher, HoldsBackOnlyWhatMayBecomeAStop) {
  StopMatcher matcher({"STOP"});
  EXPECT_EQ(matcher.Push("abc ST"), "abc ");
  EXPECT_EQ(matcher.Push("A"), "STA");
  EXPECT_EQ(matcher.Push("STOST"), "STO");
  EXPECT_EQ(matcher.matched(), -1);
  EXPECT_EQ(matcher.Push("OP and more"), "");
  EXPECT_EQ(matcher.matched(), 0);
  EXPECT_EQ(matcher.Push("nothing more"), "");
  EXPECT_EQ(matcher.Flush(), "");
}

TEST(StopMatcher, FlushGivesWhatWasHeld) {
  StopMatcher matcher({"\n\n"});
  EXPECT_EQ(matcher.Push("a\n"), "a");
  EXPECT_EQ(matcher.Flush(), "\n");
  EXPECT_EQ(matcher.matched(), -1);
}

TEST(StopMatcher, IncludesTheStopOnRequest) {
  StopMatcher matcher({"x", "END"}, /*include_stop=*/true);
  EXPECT_EQ(matcher.Push("aE"), "a");
  EXPECT_EQ(matcher.Push("NDb"), "END");
  EXPECT_EQ(matcher.matched(), 1);
}

TEST(StopMatcher, EarliestThenLongest) {
  StopMatcher longest({"ab", "abc"});
  EXPECT_EQ(longest.Push("xab"), "x");  // "abc" may still come
  EXPECT_EQ(longest.matched(), -1);
  EXPECT_EQ(longest.Push("c"), "");
  EXPECT_EQ(longest.matched(), 1);
  StopMatcher shorter({"ab", "abc"});
  EXPECT_EQ(shorter.Push("xab"), "x");
  EXPECT_EQ(shorter.Flush(), "");  // the held match counts at the end
  EXPECT_EQ(shorter.matched(), 0);
  StopMatcher earliest({"b", "abc"});
  EXPECT_EQ(earliest.Push("ab"), "");
  EXPECT_EQ(earliest.Push("d"), "a");  // not "abc": the "b" is the match
  EXPECT_EQ(earliest.matched(), 0);
}

TEST(StopMatcher, EmptyStopsNeverMatch) {
  StopMatcher matcher({""});
  EXPECT_EQ(matcher.Push("abc"), "abc");
  EXPECT_EQ(matcher.matched(), -1);
}

// The whole text at once, by the definition: the earliest place, there the longest stop string.
std::string Expected(const std::string& text, const std::vector<std::string>& stops, bool include,
                     int* matched) {
  *matched = -1;
  for (size_t at = 0; at < text.size(); ++at) {
    for (size_t i = 0; i < stops.size(); ++i) {
      if (stops[i].empty() || text.compare(at, stops[i].size(), stops[i]) != 0) continue;
      if (*matched < 0 || stops[i].size() > stops[*matched].size()) *matched = static_cast<int>(i);
    }
    if (*matched >= 0) return text.substr(0, at + (include ? stops[*matched].size() : 0));
  }
  return text;
}

// The longest suffix of `text` that is a proper prefix of a stop string.
size_t OpenSuffix(const std::string& text, const std::vector<std::string>& stops) {
  for (size_t length = text.size(); length > 0; --length) {
    for (const std::string& stop : stops) {
      if (stop.size() > length && text.compare(text.size() - length, length, stop, 0, length) == 0)
        return length;
    }
  }
  return 0;
}

TEST(StopMatcher, HoweverTheTextIsCut) {
  for (uint32_t seed = 1; seed <= 3000; ++seed) {
    std::mt19937 random(seed);
    auto word = [&](uint32_t most) {
      std::string text;
      for (uint32_t n = random() % (most + 1); n > 0; --n) text.push_back("abc"[random() % 3]);
      return text;
    };
    std::vector<std::string> stops(random() % 4);
    for (std::string& stop : stops) stop = word(5);
    const std::string text = word(30);
    const bool include = random() % 2 == 0;
    int expected_match;
    const std::string expected = Expected(text, stops, include, &expected_match);

    StopMatcher matcher(stops, include);
    std::string found, pushed;
    for (size_t at = 0; at < text.size();) {
      const size_t bytes = std::min<size_t>(1 + random() % 4, text.size() - at);
      pushed += text.substr(at, bytes);
      found += matcher.Push(text.substr(at, bytes));
      at += bytes;
      if (matcher.matched() < 0) {
        // Nothing is held but the open suffix, or a match that an open one may still overtake.
        int match;
        const std::string closed = Expected(pushed, stops, false, &match);
        ASSERT_EQ(found.size(), pushed.size() - OpenSuffix(pushed, stops)) << "seed " << seed;
        if (match >= 0) {
          ASSERT_LE(found.size(), closed.size()) << "seed " << seed;
        }
      }
    }
    found += matcher.Flush();
    ASSERT_EQ(found, expected) << "seed " << seed;
    if (expected_match < 0) {
      ASSERT_EQ(matcher.matched(), -1) << "seed " << seed;
    } else {
      ASSERT_EQ(stops[matcher.matched()], stops[expected_match]) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace hekla::text
