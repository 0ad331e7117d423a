#include "service/router/prefix_index.h"

#include <gtest/gtest.h>

namespace hekla::service {
namespace {

absl::Time At(double seconds) { return absl::UnixEpoch() + absl::Seconds(seconds); }

PrefixKeys Text(const std::string& text, const std::string& scope = "") {
  v1::GenerateRequest request;
  request.set_text(text);
  request.set_cache_scope(scope);
  return MakePrefixKeys(request);
}

PrefixKeys Ids(uint32_t first, uint32_t end) {
  v1::GenerateRequest request;
  for (uint32_t i = first; i < end; ++i) request.mutable_token_ids()->add_ids(i);
  return MakePrefixKeys(request);
}

TEST(PrefixIndexTest, FindsTheCommonBeginning) {
  PrefixIndex index;
  const std::string system(640, 's');
  index.Add(Text(system + std::string(640, 'a')), At(0));
  EXPECT_DOUBLE_EQ(index.MatchedShare(Text(system + std::string(640, 'a')), At(1)), 1);
  EXPECT_DOUBLE_EQ(index.MatchedShare(Text(system + std::string(640, 'b')), At(1)), 0.5);
  EXPECT_DOUBLE_EQ(index.MatchedShare(Text(std::string(640, 'x') + std::string(640, 'a')), At(1)), 0)
      << "the same text behind another beginning is not the same";
  EXPECT_DOUBLE_EQ(index.MatchedShare(Text("short"), At(1)), 0);
  EXPECT_DOUBLE_EQ(index.MatchedShare(Text(""), At(1)), 0);
}

TEST(PrefixIndexTest, IdsAndTextAreDifferentPrompts) {
  PrefixIndex index;
  index.Add(Ids(0, 64), At(0));
  EXPECT_DOUBLE_EQ(index.MatchedShare(Ids(0, 64), At(0)), 1);
  EXPECT_DOUBLE_EQ(index.MatchedShare(Ids(0, 128), At(0)), 0.5);
  EXPECT_DOUBLE_EQ(index.MatchedShare(Ids(1, 65), At(0)), 0);
  v1::GenerateRequest text;
  text.set_text(std::string(64, 'a'));
  v1::GenerateRequest chat;
  chat.mutable_chat()->add_messages()->set_content(std::string(64, 'a'));
  EXPECT_NE(MakePrefixKeys(text).keys, MakePrefixKeys(chat).keys);
}

TEST(PrefixIndexTest, AScopeSharesNothingWithAnother) {
  PrefixIndex index;
  const std::string prompt(640, 'p');
  index.Add(Text(prompt, "alice"), At(0));
  EXPECT_DOUBLE_EQ(index.MatchedShare(Text(prompt, "alice"), At(0)), 1);
  EXPECT_DOUBLE_EQ(index.MatchedShare(Text(prompt, "bob"), At(0)), 0);
  EXPECT_DOUBLE_EQ(index.MatchedShare(Text(prompt), At(0)), 0);
}

TEST(PrefixIndexTest, IsBoundedAndForgetsTheLeastRecentlyUsed) {
  PrefixIndex index(/*max_keys=*/30);
  for (char c = 'a'; c <= 'z'; ++c) {
    index.Add(Text(std::string(640, c)), At(0));
    index.Add(Text(std::string(640, 'a')), At(0));
    EXPECT_LE(index.size(), 30u);
  }
  EXPECT_DOUBLE_EQ(index.MatchedShare(Text(std::string(640, 'a')), At(0)), 1) << "used all the time";
  EXPECT_DOUBLE_EQ(index.MatchedShare(Text(std::string(640, 'b')), At(0)), 0);
  index.Add(Text(std::string(1'000'000, 'q')), At(0));
  EXPECT_LE(index.size(), 30u);
}

TEST(PrefixIndexTest, WhatNobodyUsedForAWhileIsNotBelieved) {
  PrefixIndex index;
  const PrefixKeys prompt = Text(std::string(640, 'p'));
  index.Add(prompt, At(0));
  EXPECT_DOUBLE_EQ(index.MatchedShare(prompt, At(599)), 1);
  EXPECT_DOUBLE_EQ(index.MatchedShare(prompt, At(601)), 0);
  index.Add(Text("another prompt, longer than one chunk of sixty-four bytes, so that it counts"), At(601));
  EXPECT_EQ(index.size(), 1u) << "and its memory is given back";
}

}  // namespace
}  // namespace hekla::service
