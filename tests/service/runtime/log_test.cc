#include "service/runtime/log.h"

#include <gtest/gtest.h>

namespace hekla::service {
namespace {

// Without the time in front.
std::string Plain(std::initializer_list<LogField> fields) {
  const std::string line = FormatLog(false, "info", "event", fields);
  return line.substr(line.find(' ') + 1);
}

TEST(LogTest, KeyValueLinesSplitAtSpaces) {
  EXPECT_EQ(Plain({}), "info event");
  EXPECT_EQ(Plain({{"n", 5}, {"ok", true}, {"name", "w0"}}), "info event n=5 ok=true name=w0");
  EXPECT_EQ(Plain({{"text", "two words"}, {"empty", ""}, {"quote", "a\"b"}, {"line", "a\nb"}}),
            "info event text=\"two words\" empty=\"\" quote=\"a\\\"b\" line=\"a\\nb\"");
}

TEST(LogTest, JsonLinesKeepTypesAndEscape) {
  const std::string line = FormatLog(true, "error", "event",
                                     {{"n", 2.5}, {"ok", false}, {"text", "a\"b\\c\nd\x01"}, {"utf8", "é"}});
  EXPECT_EQ(line.substr(line.find(",\"level\"")),
            ",\"level\":\"error\",\"event\":\"event\",\"n\":2.5,\"ok\":false,\"text\":"
            "\"a\\\"b\\\\c\\u000ad\\u0001\","
            "\"utf8\":\"é\"}");
  EXPECT_EQ(line.substr(0, 10), "{\"time\":\"2");
}

TEST(LogTest, ValuesOfALine) {
  const std::string line = FormatLog(false, "info", "ready", {{"port", 81}, {"admin_port", 82}});
  EXPECT_EQ(LogValue(line, "port"), "81");
  EXPECT_EQ(LogValue(line, "admin_port"), "82");
  EXPECT_EQ(LogValue(line, "none"), "");
}

TEST(LogTest, LevelNames) {
  LogLevel level = LogLevel::kInfo;
  EXPECT_TRUE(ParseLogLevel("warning", &level).ok());
  EXPECT_EQ(level, LogLevel::kWarning);
  EXPECT_TRUE(absl::IsInvalidArgument(ParseLogLevel("loud", &level)));
}

}  // namespace
}  // namespace hekla::service
