#include "service/runtime/token_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "service/runtime/secret.h"

namespace hekla::service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kHash = Sha256Hex("some token");

std::string ErrorOf(const std::string& content) {
  const auto parsed = ParseTokenFile(content, "tokens");
  EXPECT_TRUE(absl::IsInvalidArgument(parsed.status())) << content;
  return std::string(parsed.status().message());
}

TEST(TokenFileTest, ReadsEveryField) {
  const auto grants =
      ParseTokenFile(absl::StrCat("# comment\n\n  sha256:", kHash,
                                  " tenant=acme\tmodels=a,b max-requests=8 tokens-per-minute=60000",
                                  " expires=2027-01-31 \r\nsha256:", Sha256Hex("other"), " tenant=b\n"),
                     "tokens");
  ASSERT_TRUE(grants.ok()) << grants.status();
  ASSERT_EQ(grants->size(), 2u);
  const Grant& grant = grants->front();
  EXPECT_EQ(grant.token_hash, kHash);
  EXPECT_EQ(grant.tenant, "acme");
  EXPECT_THAT(grant.models, ElementsAre("a", "b"));
  EXPECT_EQ(grant.max_requests, 8);
  EXPECT_EQ(grant.tokens_per_minute, 60000);
  EXPECT_EQ(grant.expires, absl::FromCivil(absl::CivilDay(2027, 1, 31), absl::UTCTimeZone()));
  EXPECT_TRUE(grant.has_quota());
  EXPECT_TRUE(grant.MayUse("b"));
  EXPECT_FALSE(grant.MayUse("c"));
  const Grant& plain = grants->back();
  EXPECT_TRUE(plain.MayUse("c"));
  EXPECT_FALSE(plain.has_quota());
  EXPECT_EQ(plain.expires, absl::InfiniteFuture());
}

TEST(TokenFileTest, WritesWhatItReads) {
  Grant grant;
  grant.token_hash = kHash;
  grant.tenant = "acme";
  EXPECT_EQ(TokenLine(grant), absl::StrCat("sha256:", kHash, " tenant=acme"));
  grant.models = {"a", "b"};
  grant.max_requests = 3;
  grant.tokens_per_minute = 100;
  grant.expires = absl::FromCivil(absl::CivilSecond(2027, 1, 31, 12, 0, 0), absl::UTCTimeZone());
  const auto again = ParseTokenFile(TokenLine(grant), "tokens");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(TokenLine(again->front()), TokenLine(grant));
  EXPECT_EQ(again->front().expires, grant.expires);
}

TEST(TokenFileTest, ErrorsNameLineFieldAndValue) {
  const std::string good = absl::StrCat("sha256:", kHash);
  EXPECT_EQ(ErrorOf(absl::StrCat("\n#\n", good, " tenant=a b=c")),
            "token file tokens line 3: a key is 'b', not tenant, models, max-requests, tokens-per-minute or "
            "expires");
  EXPECT_THAT(ErrorOf(good), HasSubstr("line 1: tenant=NAME is missing"));
  EXPECT_THAT(ErrorOf(good + " tenant=a/b"), HasSubstr("tenant is 'a/b', not 1 to 64 characters"));
  EXPECT_THAT(ErrorOf(good + " tenant=a max-requests=0"),
              HasSubstr("max-requests is '0', not a whole number above 0"));
  EXPECT_THAT(ErrorOf(good + " tenant=a tokens-per-minute=1k"), HasSubstr("tokens-per-minute is '1k'"));
  EXPECT_THAT(ErrorOf(good + " tenant=a models=x,,y"), HasSubstr("models is 'x,,y'"));
  EXPECT_THAT(ErrorOf(good + " tenant=a expires=tomorrow"), HasSubstr("expires is 'tomorrow'"));
  EXPECT_THAT(ErrorOf(good + " tenant=a tenant=b"), HasSubstr("a key is 'tenant', not given once"));
  EXPECT_THAT(ErrorOf(absl::StrCat(good, " tenant=a\n", good, " tenant=b")),
              HasSubstr("line 2: the token is in line 1 already"));
  EXPECT_THAT(ErrorOf("# nothing\n"), HasSubstr("has no token"));
}

TEST(TokenFileTest, ATokenInPlaceOfItsHashIsRefusedAndNotRepeated) {
  const std::string secret = NewSecret();
  const std::string error = ErrorOf(secret + " tenant=a");
  EXPECT_THAT(error, HasSubstr("line 1: the first word is not sha256:"));
  EXPECT_THAT(error, Not(HasSubstr(secret.substr(6))));
  ErrorOf(absl::StrCat("sha256:", kHash.substr(1), " tenant=a"));
  ErrorOf(absl::StrCat("sha256:", kHash.substr(1), "g tenant=a"));
}

TEST(TokenFileTest, ClientsReadTheTokenItself) {
  const auto token = ParseClientToken("# mine\n\n some-token-0123456789 \nanother\n", "token");
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_EQ(*token, "some-token-0123456789");
  const auto error = [](const std::string& content) {
    return std::string(ParseClientToken(content, "token").status().message());
  };
  EXPECT_EQ(error("\nabc\n"), "token file token line 2: 3 characters, at least 16 are required");
  EXPECT_THAT(error(absl::StrCat("sha256:", kHash, " tenant=a")),
              HasSubstr("line 1: this is a token's hash"));
  EXPECT_THAT(error("some token with spaces"), HasSubstr("a space"));
  EXPECT_THAT(error("#\n"), HasSubstr("has no token"));
}

}  // namespace
}  // namespace hekla::service
