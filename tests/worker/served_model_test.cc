#include "worker/served_model.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace hekla::worker
