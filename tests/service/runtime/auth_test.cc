#include "service/runtime/auth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "service/runtime/secret.h"
#include "service/runtime/status.h"
#include "tests/support/runtime/test_files.h"

namespace hekla::service {
namespace {

using testing::HasSubstr;

const std::string kFirst = "first-token-0123456789", kSecond = "second-token-0123456789";

std::string Line(const std::string& token, const std::string& rest) {
  return absl::StrCat("sha256:", Sha256Hex(token), " ", rest, "\n");
}

// The tenant, or why not.
std::string Ask(const Authenticator& authenticator, const std::string& value) {
  const auto grant = authenticator.CheckValue(&value);
  if (grant.ok()) return (*grant)->tenant;
  EXPECT_TRUE(absl::IsUnauthenticated(grant.status()));
  EXPECT_EQ(ReasonOf(grant.status()), v1::ERROR_REASON_NO_CREDENTIAL);
  return std::string(grant.status().message());
}

TEST(AuthenticatorTest, WithoutAFileEveryoneMayDoEverything) {
  const auto authenticator = Authenticator::Create("", TokenUse::kRouter);
  ASSERT_TRUE(authenticator.ok());
  const auto grant = authenticator->CheckValue(nullptr);
  ASSERT_TRUE(grant.ok());
  EXPECT_EQ((*grant)->tenant, "");
  EXPECT_TRUE((*grant)->MayUse("anything"));
}

TEST(AuthenticatorTest, KnowsTheBearer) {
  const TestFolder folder;
  const auto authenticator = Authenticator::Create(
      folder.Write("tokens", Line(kFirst, "tenant=a") + Line(kSecond, "tenant=b models=m")),
      TokenUse::kRouter);
  ASSERT_TRUE(authenticator.ok()) << authenticator.status();
  EXPECT_TRUE(absl::IsUnauthenticated(authenticator->CheckValue(nullptr).status()));
  EXPECT_EQ(Ask(*authenticator, "Bearer " + kFirst), "a");
  EXPECT_EQ(Ask(*authenticator, "bearer " + kSecond), "b");
  for (const std::string& wrong :
       {std::string(), std::string("Bearer "), kFirst, "Basic " + kFirst, "Bearer " + kFirst + "0",
        "Bearer " + kFirst.substr(1), "Bearer  " + kFirst, "Bearer " + Sha256Hex(kFirst),
        "Bearer sha256:" + Sha256Hex(kFirst)}) {
    EXPECT_THAT(Ask(*authenticator, wrong), HasSubstr("wrong credential")) << wrong;
  }
  const std::string second = "Bearer " + kSecond;
  const Grant& grant = **authenticator->CheckValue(&second);
  EXPECT_TRUE(CheckModelAllowed(grant, "m").ok());
  const absl::Status forbidden = CheckModelAllowed(grant, "other");
  EXPECT_TRUE(absl::IsPermissionDenied(forbidden));
  EXPECT_EQ(ReasonOf(forbidden), v1::ERROR_REASON_FORBIDDEN);
}

TEST(AuthenticatorTest, TokensExpire) {
  const TestFolder folder;
  const auto day = [](int days) {
    return absl::FormatTime("%Y-%m-%d", absl::Now() + absl::Hours(24) * days, absl::UTCTimeZone());
  };
  const auto authenticator =
      Authenticator::Create(folder.Write("tokens", Line(kFirst, "tenant=a expires=" + day(2)) +
                                                       Line(kSecond, "tenant=b expires=" + day(-2))),
                            TokenUse::kRouter);
  ASSERT_TRUE(authenticator.ok()) << authenticator.status();
  EXPECT_EQ(Ask(*authenticator, "Bearer " + kFirst), "a");
  EXPECT_THAT(Ask(*authenticator, "Bearer " + kSecond), HasSubstr("tenant 'b' expired at " + day(-2)));
}

TEST(AuthenticatorTest, ANewFileCountsAtOnceAndABadOneNever) {
  const TestFolder folder;
  const auto authenticator =
      Authenticator::Create(folder.Write("tokens", Line(kFirst, "tenant=a")), TokenUse::kRouter);
  ASSERT_TRUE(authenticator.ok());
  EXPECT_EQ(Ask(*authenticator, "Bearer " + kFirst), "a");
  folder.Write("tokens", Line(kSecond, "tenant=b"));
  EXPECT_THAT(Ask(*authenticator, "Bearer " + kFirst), HasSubstr("wrong credential"));
  EXPECT_EQ(Ask(*authenticator, "Bearer " + kSecond), "b");
  testing::internal::CaptureStderr();
  folder.Write("tokens", Line(kFirst, "tenant=c") + "nonsense\n");
  EXPECT_EQ(Ask(*authenticator, "Bearer " + kSecond), "b");
  std::filesystem::remove(folder.Path("tokens"));
  EXPECT_EQ(Ask(*authenticator, "Bearer " + kSecond), "b");
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("token_file_kept"));
  EXPECT_THAT(log, HasSubstr("line 2"));
  folder.Write("tokens", Line(kFirst, "tenant=d"));
  EXPECT_EQ(Ask(*authenticator, "Bearer " + kFirst), "d");
}

TEST(AuthenticatorTest, FieldsWithoutEffectAreRefused) {
  const TestFolder folder;
  const std::string plain = folder.Write("plain", Line(kFirst, "tenant=a"));
  const std::string models = folder.Write("models", Line(kFirst, "tenant=a models=m"));
  const std::string quota = folder.Write("quota", Line(kFirst, "tenant=a max-requests=1"));
  EXPECT_TRUE(Authenticator::Create(quota, TokenUse::kRouter).ok());
  EXPECT_TRUE(Authenticator::Create(models, TokenUse::kWorker).ok());
  EXPECT_TRUE(Authenticator::Create(plain, TokenUse::kOperator).ok());
  EXPECT_THAT(Authenticator::Create(quota, TokenUse::kWorker).status().message(), HasSubstr("only a router"));
  EXPECT_THAT(Authenticator::Create(quota, TokenUse::kOperator).status().message(), HasSubstr("a quota"));
  EXPECT_THAT(Authenticator::Create(models, TokenUse::kOperator).status().message(), HasSubstr("models"));
}

}  // namespace
}  // namespace hekla::service
