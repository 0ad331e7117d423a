#include "service/runtime/secret.h"

#include <gtest/gtest.h>

namespace hekla::service {
namespace {

TEST(SecretTest, HashesAreSha256) {
  // FIPS 180-4, its examples.
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(SecretTest, SecretsAreLongAndNeverTheSame) {
  const std::string first = NewSecret(), second = NewSecret();
  EXPECT_EQ(first.size(), 49u);
  EXPECT_EQ(first.substr(0, 6), "hekla_");
  EXPECT_EQ(first.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"),
            std::string::npos);
  EXPECT_NE(first, second);
}

TEST(SecretTest, Compares) {
  EXPECT_TRUE(EqualInConstantTime("", ""));
  EXPECT_TRUE(EqualInConstantTime("same", "same"));
  EXPECT_FALSE(EqualInConstantTime("same", "Same"));
  EXPECT_FALSE(EqualInConstantTime("same", "samf"));
  EXPECT_FALSE(EqualInConstantTime("same", "same "));
}

}  // namespace
}  // namespace hekla::service
