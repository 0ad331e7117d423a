#include <cstdio>
#include <fstream>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/model/model_file.h"
#include "worker/tool/command.h"

namespace hekla::tool {
namespace {

using testing::HasSubstr;

// A model of the 256 bytes and BOS whose weights are all zero: every token is equally likely.
class PerplexityCommandTest : public testing::Test {
 protected:
  PerplexityCommandTest() : text_(testing::TempDir() + "hekla_perplexity.txt") {
    test::ModelFile file = test::ModelFile::Tiny("llama");
    file.tensors["token_embd.weight"].shape = {32, 257};
    std::vector<std::string> pieces;
    for (int byte = 0; byte < 256; ++byte) {
      char name[8];
      std::snprintf(name, sizeof(name), "<0x%02X>", byte);
      pieces.push_back(name);
    }
    pieces.push_back("<s>");
    std::vector<uint32_t> kinds(256, 6);
    kinds.push_back(3);
    file.keys["tokenizer.ggml.model"] = std::string("llama");
    file.keys["tokenizer.ggml.tokens"] = pieces;
    file.keys["tokenizer.ggml.scores"] = std::vector<float>(257, 0.0f);
    file.keys["tokenizer.ggml.token_type"] = kinds;
    file.keys["tokenizer.ggml.bos_token_id"] = 256u;
    model_.emplace(file.Bytes());
  }
  ~PerplexityCommandTest() override { std::remove(text_.c_str()); }

  int Run(const std::string& text, std::vector<std::string> more) {
    std::ofstream(text_, std::ios::binary) << text;
    std::vector<std::string> words = {"perplexity", model_->path(), "--text", text_, "--device", "cpu"};
    words.insert(words.end(), more.begin(), more.end());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = Dispatch(words);
    out_ = testing::internal::GetCapturedStdout();
    err_ = testing::internal::GetCapturedStderr();
    return code;
  }
  std::string text_, out_, err_;
  std::optional<test::TemporaryFile> model_;
};

TEST_F(PerplexityCommandTest, OfAModelThatKnowsNothingIsTheVocabulary) {
  ASSERT_EQ(Run(std::string(100, 'x'), {"--context", "16"}), kExitOk) << err_;
  EXPECT_THAT(out_, HasSubstr("mean negative log-likelihood 5.549076\n"));  // ln 257
  EXPECT_THAT(out_, HasSubstr("perplexity 257.0000\n"));
  EXPECT_THAT(err_, HasSubstr("window"));
}

TEST_F(PerplexityCommandTest, ScoresEveryTokenBehindBos) {
  // Windows of BOS and 15 bytes; SentencePiece puts a space, three bytes of U+2581 here, before the text.
  ASSERT_EQ(Run(std::string(42, 'x'), {"--context", "16"}), kExitOk) << err_;
  EXPECT_THAT(out_, HasSubstr("tokens 45\n"));
  EXPECT_THAT(err_, HasSubstr("window 3 of 3"));
}

TEST_F(PerplexityCommandTest, ErrorsNameWhatIsWrong) {
  EXPECT_EQ(Run("", {}), kExitError);
  EXPECT_THAT(err_, HasSubstr("too short"));
  EXPECT_EQ(Run("x", {"--context", "1"}), kExitUsage);
  EXPECT_EQ(Run("x", {"--text", "/nowhere.txt"}), kExitError);
  EXPECT_THAT(err_, HasSubstr("cannot open /nowhere.txt"));
}

}  // namespace
}  // namespace hekla::tool
