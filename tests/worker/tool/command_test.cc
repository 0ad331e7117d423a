// The commands that need no device, through Dispatch, with their output caught.
#include "worker/tool/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <sstream>

#include "tests/support/model/gguf_writer.h"
#include "tests/support/model/tiny_llama.h"

namespace hekla::tool {
namespace {

using testing::HasSubstr;

struct Outcome {
  int code;
  std::string out, error;
};

Outcome Call(const std::vector<std::string>& words, const std::string& input = "") {
  std::istringstream in(input);
  std::streambuf* const before = std::cin.rdbuf(in.rdbuf());
  std::cin.clear();
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = Dispatch(words);
  std::cout.flush();
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.error = testing::internal::GetCapturedStderr();
  std::cin.rdbuf(before);
  return outcome;
}

class CommandTest : public testing::Test {
 protected:
  test::TemporaryFile model_{test::TinyLlama(3).Build()};
};

TEST_F(CommandTest, DispatchExplainsItself) {
  EXPECT_EQ(Call({}).code, kExitUsage);
  const Outcome help = Call({"--help"});
  EXPECT_EQ(help.code, kExitOk);
  for (const Command& command : Commands()) {
    EXPECT_THAT(help.out, HasSubstr(command.name));
    const Outcome one = Call({command.name, "--help"});
    EXPECT_EQ(one.code, kExitOk) << command.name;
    EXPECT_THAT(one.out, HasSubstr(std::string("usage: hekla-model ") + command.name));
    EXPECT_EQ(Call({command.name, "--no-such-flag"}).code, kExitUsage) << command.name;
    const Outcome missing = Call({command.name});
    EXPECT_EQ(missing.code, kExitUsage) << command.name;
    EXPECT_THAT(missing.error, HasSubstr("usage:")) << command.name;
  }
  const Outcome unknown = Call({"infos"});
  EXPECT_EQ(unknown.code, kExitUsage);
  EXPECT_THAT(unknown.error, HasSubstr("the nearest is info"));
}

TEST_F(CommandTest, InfoShowsTheFile) {
  const Outcome info = Call({"info", model_.path()});
  EXPECT_EQ(info.code, kExitOk) << info.error;
  for (const char* part :
       {"llama.block_count", "blk.0.ffn_up.weight", "Q6_K", "256 x 262", "11 tensors", "kv cache"}) {
    EXPECT_THAT(info.out, HasSubstr(part));
  }
  EXPECT_THAT(Call({"info", "--summary", model_.path()}).out, testing::Not(HasSubstr("ffn_up")));
}

TEST_F(CommandTest, DamagedFilesEndWithOne) {
  const test::TemporaryFile cut(test::TinyLlama(3).Build().substr(0, 4000));
  for (const char* command : {"info", "tokenize"}) {
    const Outcome outcome = Call({command, cut.path()});
    EXPECT_EQ(outcome.code, kExitError);
    EXPECT_THAT(outcome.error, HasSubstr("hekla-model: " + cut.path() + ": "));
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(Call({command, "/no/such/file"}).code, kExitError);
  }
}

TEST_F(CommandTest, TokenizeGoesThereAndBack) {
  const std::string text = "hello world\n\nh\xC3\xBCllo <|endoftext|>\n";
  const Outcome ids = Call({"tokenize", model_.path()}, text);
  EXPECT_EQ(ids.code, kExitOk) << ids.error;
  EXPECT_EQ(ids.out, "260 258 111 259 111 114 108 100\n260\n260 104 195 188 257 111 32 261\n");
  EXPECT_EQ(Call({"tokenize", "--decode", model_.path()}, ids.out).out, "hello world\n\nh\xC3\xBCllo \n");
  EXPECT_EQ(Call({"tokenize", "--decode", "--special", model_.path()}, "261,104\n").out, "<|endoftext|>h\n");
  EXPECT_EQ(Call({"tokenize", "--no-bos", model_.path()}, "he").out, "256\n");
  EXPECT_THAT(Call({"tokenize", "--literal", model_.path()}, "<|endoftext|>").out,
              testing::Not(HasSubstr("261")));
  const test::TemporaryFile whole("a\nb\n");
  EXPECT_EQ(Call({"tokenize", "--no-bos", "--file", whole.path(), model_.path()}).out, "97 10 98 10\n");
  const Outcome outside = Call({"tokenize", "--decode", model_.path()}, "1\n262\n");
  EXPECT_EQ(outside.code, kExitError);
  EXPECT_THAT(outside.error, HasSubstr("line 2: \"262\" is no token id from 0 to 261"));
}

}  // namespace
}  // namespace hekla::tool
