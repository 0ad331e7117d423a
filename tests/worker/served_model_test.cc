#include "worker/served_model.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/engine_fake/byte_vocabulary.h"

namespace hekla::worker {
namespace {

TEST(ServedModelTest, DescribesTheVocabulary) {
  const auto tokenizer = text::MakeByteTokenizer();
  ServedModel model;
  DescribeVocabulary(*tokenizer, &model);
  EXPECT_EQ(model.tokenizer, tokenizer.get());
  EXPECT_EQ(model.description.vocabulary_size(), 257u);
  ASSERT_EQ(model.description.eos_token_ids_size(), 1);
  EXPECT_EQ(model.description.eos_token_ids(0), static_cast<uint32_t>(text::kByteEos));
  EXPECT_FALSE(model.description.has_bos_token_id());
  EXPECT_EQ(model.longest_piece_bytes, 7);  // "<|end|>"
}

TEST(ServedModelTest, KeepsTheChatTemplateOrWhyThereIsNone) {
  const auto tokenizer = text::MakeByteTokenizer();
  ServedModel model;
  DescribeVocabulary(*tokenizer, &model);
  DescribeChatTemplate(std::string("{{ messages[0].content }}{{ eos_token }}"), &model);
  ASSERT_NE(model.chat_template, nullptr);
  EXPECT_TRUE(model.description.has_chat_template());
  EXPECT_EQ(model.chat_template->Render({{"user", "Hi"}}, true).value(), "Hi<|end|>");
  DescribeChatTemplate(std::string("{% include 'x' %}"), &model);
  EXPECT_EQ(model.chat_template, nullptr);
  EXPECT_FALSE(model.description.has_chat_template());
  EXPECT_TRUE(absl::IsUnimplemented(model.chat_template_status)) << model.chat_template_status;
  DescribeChatTemplate(absl::NotFoundError("no such key"), &model);
  EXPECT_TRUE(absl::IsNotFound(model.chat_template_status));
}

}  // namespace
}  // namespace hekla::worker
