#include "service/runtime/command_line.h"

#include <gtest/gtest.h>

namespace hekla::service {
namespace {

struct Settings {
  std::string name = "default";
  int count = 3;
  absl::Duration wait = absl::Seconds(2);
  std::optional<float> ratio;
  std::vector<std::string> each;
  bool loud = false, bos = true;
};

CommandLine MakeLine(Settings* settings) {
  CommandLine line("tool [FLAGS]", "Does things.");
  line.Section("Things");
  line.Add("name", "TEXT", "what it is called", &settings->name);
  line.Add("count", "N", "how many", &settings->count);
  line.Add("wait", "DURATION", "how long", &settings->wait);
  line.Add("ratio", "X", "share", &settings->ratio);
  line.Add("each", "TEXT", "may be given again", &settings->each);
  line.AddSwitch("loud", "say more", &settings->loud);
  line.AddSwitch("bos", "begin", &settings->bos);
  return line;
}

TEST(CommandLineTest, ReadsBothFormsSwitchesAndTheRest) {
  Settings settings;
  CommandLine line = MakeLine(&settings);
  ASSERT_TRUE(line.Parse({"--name", "x", "--count=-7", "--wait=1m30s", "one", "--loud", "--no-bos", "--ratio",
                          "0.5", "--each=a", "--each", "b", "--", "--two"})
                  .ok());
  EXPECT_EQ(settings.name, "x");
  EXPECT_EQ(settings.count, -7);
  EXPECT_EQ(settings.wait, absl::Seconds(90));
  EXPECT_EQ(settings.ratio, 0.5f);
  EXPECT_EQ(settings.each, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(settings.loud);
  EXPECT_FALSE(settings.bos);
  EXPECT_EQ(line.positional(), (std::vector<std::string>{"one", "--two"}));
}

TEST(CommandLineTest, ErrorsNameFlagAndValue) {
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"--nome", "x"}, "unknown flag --nome; see --help"},
      {{"--count", "many"}, "--count: 'many' is not a whole number in its range"},
      {{"--count=99999999999"}, "--count: '99999999999' is not a whole number in its range"},
      {{"--count"}, "--count needs a value, N"},
      {{"--wait", "5"}, "--wait: '5' is not a duration such as 30s, 1m30s or 250ms"},
      {{"--ratio=nan"}, "--ratio: 'nan' is not a number"},
      {{"--no-name"}, "unknown flag --no-name; see --help"},
  };
  for (const auto& [arguments, message] : cases) {
    Settings settings;
    CommandLine line = MakeLine(&settings);
    const absl::Status status = line.Parse(arguments);
    EXPECT_TRUE(absl::IsInvalidArgument(status));
    EXPECT_EQ(status.message(), message);
  }
}

TEST(CommandLineTest, HelpNamesEveryFlagAndItsDefault) {
  Settings settings;
  CommandLine line = MakeLine(&settings);
  ASSERT_TRUE(line.Parse({"--count", "5", "--help", "--bad"}).ok());
  EXPECT_TRUE(line.help_asked());
  const std::string help = line.Help();
  for (const char* part :
       {"usage: tool [FLAGS]", "Does things.", "Things:", "--name TEXT", "(default default)", "--count N",
        "(default 3)", "(default 2s)", "--loud", "--help"}) {
    EXPECT_NE(help.find(part), std::string::npos) << part << "\n" << help;
  }
}

}  // namespace
}  // namespace hekla::service
