#include "service/runtime/tls_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/support/runtime/test_files.h"

namespace hekla::service {
namespace {

using testing::HasSubstr;

TEST(TlsFilesTest, AcceptsAPairAndKnowsItsEnd) {
  const TestCa ca;
  const auto end = CheckCertificateAndKey(ca.Read("router.pem"), "c", ca.Read("router.key"), "k");
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_GT(*end, absl::Now() + absl::Hours(24) * 29);
  EXPECT_LT(*end, absl::Now() + absl::Hours(24) * 31);
  EXPECT_TRUE(CheckCaCertificates(ca.Read("ca.pem"), "ca").ok());
}

TEST(TlsFilesTest, ErrorsNameTheFile) {
  const TestCa ca;
  const std::string cert = ca.Read("router.pem"), key = ca.Read("router.key");
  const auto error = [](const std::string& chain, const std::string& private_key) {
    const auto result = CheckCertificateAndKey(chain, "cert-path", private_key, "key-path");
    EXPECT_TRUE(absl::IsInvalidArgument(result.status()));
    return std::string(result.status().message());
  };
  EXPECT_THAT(error("", key), HasSubstr("cert-path: has no PEM certificate"));
  EXPECT_THAT(error(cert.substr(0, cert.size() / 2), key), HasSubstr("cert-path: has no PEM certificate"));
  EXPECT_THAT(error(cert, "no key"), HasSubstr("key-path: has no PEM private key"));
  EXPECT_THAT(error(cert, ca.Read("worker.key")),
              HasSubstr("key-path: is not the key of the certificate in cert-path"));
  EXPECT_THAT(CheckCaCertificates("?", "ca-path").message(), HasSubstr("ca-path: has no PEM certificate"));
}

TEST(TlsFilesTest, AKeyWithAPassphraseIsAnErrorAndAsksNobody) {
  const TestCa ca;
  const std::string command = absl::StrCat("openssl pkey -in ", ca.Path("router.key"),
                                           " -aes256 -passout pass:secret -out ", ca.Path("locked.key"));
  ASSERT_EQ(std::system(command.c_str()), 0);
  const auto result = CheckCertificateAndKey(ca.Read("router.pem"), "c", ca.Read("locked.key"), "key-path");
  EXPECT_THAT(result.status().message(), HasSubstr("key-path: has no PEM private key without a passphrase"));
}

}  // namespace
}  // namespace hekla::service
