#include "worker/tool/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hekla::tool {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ArgumentsTest : public testing::Test {
 protected:
  ArgumentsTest() {
    arguments_.AddPositional("FILE", "a file", &file_);
    arguments_.AddSwitch("--json", "as JSON", &json_);
    arguments_.AddString("--device", "D", "the device", &device_);
    arguments_.AddInt("-p", "N", "prompt tokens", 0, 4096, &prompt_);
    arguments_.AddFloat("--scale", "X", "scale", 0, 2, &scale_);
    arguments_.AddIntList("--tokens", "IDS", "token ids", 0, 100, &tokens_);
  }
  std::string Error(const std::vector<std::string>& words) {
    const absl::Status status = arguments_.Parse(words);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  }

  Arguments arguments_{"bench", "Measures."};
  std::string file_, device_ = "cpu";
  bool json_ = false;
  int64_t prompt_ = 512;
  double scale_ = 1;
  std::vector<int64_t> tokens_;
};

TEST_F(ArgumentsTest, ReadsEveryForm) {
  ASSERT_TRUE(arguments_.Parse({"-p", "7", "m.gguf", "--tokens=1,5, 9", "--json", "--scale", "0.5"}).ok());
  EXPECT_EQ(file_, "m.gguf");
  EXPECT_EQ(prompt_, 7);
  EXPECT_TRUE(json_);
  EXPECT_EQ(scale_, 0.5);
  EXPECT_EQ(device_, "cpu");
  EXPECT_THAT(tokens_, ElementsAre(1, 5, 9));
  EXPECT_TRUE(arguments_.WasGiven("-p"));
  EXPECT_FALSE(arguments_.WasGiven("--device"));
}

TEST_F(ArgumentsTest, FlagsEndAtTwoDashes) {
  ASSERT_TRUE(arguments_.Parse({"--", "--json"}).ok());
  EXPECT_EQ(file_, "--json");
  EXPECT_FALSE(json_);
}

TEST_F(ArgumentsTest, NamesTheMistake) {
  EXPECT_THAT(Error({"m", "--tokns", "1"}), HasSubstr("unknown flag --tokns; the nearest is --tokens"));
  EXPECT_THAT(Error({"m", "--hlp"}), HasSubstr("--help"));
  EXPECT_THAT(Error({"m", "-p"}), HasSubstr("-p needs a value"));
  EXPECT_THAT(Error({"m", "-p", "x"}), HasSubstr("flag -p: \"x\" is no whole number"));
  EXPECT_THAT(Error({"m", "-p", "4097"}), HasSubstr("outside 0 to 4096"));
  EXPECT_THAT(Error({"m", "--scale", "nan"}), HasSubstr("no number"));
  EXPECT_THAT(Error({"m", "--scale", "3"}), HasSubstr("outside 0 to 2"));
  EXPECT_THAT(Error({"m", "--tokens", "1,,2"}), HasSubstr("\"\" is no whole number"));
  EXPECT_THAT(Error({"m", "--tokens", "1,-5"}), HasSubstr("outside"));
  EXPECT_THAT(Error({"m", "--json=yes"}), HasSubstr("takes no value"));
  EXPECT_THAT(Error({"m", "n"}), HasSubstr("unexpected argument \"n\""));
  EXPECT_THAT(Error({}), HasSubstr("missing FILE"));
}

TEST_F(ArgumentsTest, HelpNamesEverything) {
  ASSERT_TRUE(arguments_.Parse({"--nonsense", "--help"}).ok());
  EXPECT_TRUE(arguments_.help_wanted());
  const std::string help = arguments_.Help();
  for (const char* part : {"usage: hekla-model bench [flags] FILE", "Measures.", "--tokens IDS", "-p N",
                           "(default 512)", "--json", "--help"}) {
    EXPECT_THAT(help, HasSubstr(part));
  }
}

TEST(EditDistance, CountsEdits) {
  EXPECT_EQ(EditDistance("", "abc"), 3);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3);
  EXPECT_EQ(EditDistance("--tokens", "--tokens"), 0);
}

}  // namespace
}  // namespace hekla::tool
