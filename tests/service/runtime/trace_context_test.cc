#include "service/runtime/trace_context.h"

#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"

namespace hekla::service {
namespace {

const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736", kSpan = "00f067aa0ba902b7";
const std::string kParent = absl::StrCat("00-", kTrace, "-", kSpan, "-01");

TEST(TraceContextTest, ContinuesATrace) {
  const auto trace = ContinueTrace(kParent, "vendor=1");
  ASSERT_TRUE(trace.has_value());
  EXPECT_EQ(trace->trace_id, kTrace);
  EXPECT_EQ(trace->parent_span_id, kSpan);
  EXPECT_NE(trace->span_id, kSpan);
  EXPECT_TRUE(trace->sampled);
  EXPECT_EQ(trace->state, "vendor=1");
  EXPECT_EQ(trace->ToHeader(), absl::StrCat("00-", kTrace, "-", trace->span_id, "-01"));
  const auto next = ContinueTrace(trace->ToHeader());
  ASSERT_TRUE(next.has_value());
  EXPECT_EQ(next->parent_span_id, trace->span_id);
  EXPECT_EQ(next->trace_id, kTrace);
}

TEST(TraceContextTest, OnlyTheLowestFlagCounts) {
  const std::string head = absl::StrCat("00-", kTrace, "-", kSpan, "-");
  for (const char* flags : {"01", "03", "ff", "0b", "f5"})
    EXPECT_TRUE(ContinueTrace(head + flags)->sampled) << flags;
  for (const char* flags : {"00", "02", "fe", "0a", "f4"})
    EXPECT_FALSE(ContinueTrace(head + flags)->sampled) << flags;
  EXPECT_EQ(ContinueTrace(head + "03")->ToHeader().substr(53), "01")
      << "flags nobody knows are not passed on";
}

TEST(TraceContextTest, LaterVersionsMayHaveMore) {
  const std::string rest = kParent.substr(2);
  EXPECT_TRUE(ContinueTrace("01" + rest).has_value());
  EXPECT_TRUE(ContinueTrace("cc" + rest + "-more").has_value());
  EXPECT_FALSE(ContinueTrace("cc" + rest + "more").has_value());
  EXPECT_FALSE(ContinueTrace("ff" + rest).has_value());
  EXPECT_FALSE(ContinueTrace("00" + rest + "-more").has_value());
}

TEST(TraceContextTest, MalformedOnesAreNothing) {
  for (const std::string& bad :
       {std::string(), std::string("00"), kParent.substr(1), kParent.substr(0, 54), kParent + " ",
        " " + kParent, absl::StrCat("00_", kTrace, "-", kSpan, "-01"),
        absl::StrCat("00-", kTrace, "_", kSpan, "-01"), absl::StrCat("00-", kTrace, "-", kSpan, "_01"),
        absl::StrCat("00-", std::string(32, '0'), "-", kSpan, "-01"),
        absl::StrCat("00-", kTrace, "-", std::string(16, '0'), "-01"),
        absl::StrCat("00-", std::string(32, 'A'), "-", kSpan, "-01"),
        absl::StrCat("0g-", kTrace, "-", kSpan, "-01"), absl::StrCat("00-", kTrace, "-", kSpan, "-0x"),
        absl::StrCat("00-", kTrace.substr(1), "g-", kSpan, "-01")}) {
    EXPECT_FALSE(ContinueTrace(bad).has_value()) << "'" << bad << "'";
  }
}

TEST(TraceContextTest, StateBeyondTheLimitIsDropped) {
  EXPECT_EQ(ContinueTrace(kParent, std::string(512, 'a'))->state.size(), 512u);
  EXPECT_EQ(ContinueTrace(kParent, std::string(513, 'a'))->state, "");
}

TEST(TraceContextTest, NewTracesAreValidAndDifferent) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const TraceContext trace = BeginTrace();
    EXPECT_TRUE(ContinueTrace(trace.ToHeader()).has_value()) << trace.ToHeader();
    EXPECT_EQ(trace.parent_span_id, "");
    EXPECT_FALSE(trace.sampled);
    seen.insert(trace.trace_id);
    seen.insert(trace.span_id);
  }
  EXPECT_EQ(seen.size(), 200u);
}

}  // namespace
}  // namespace hekla::service
