#include "service/runtime/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "worker/base/check.h"

namespace hekla::service {
namespace {

constexpr size_t kSecretBytes = 32;

std::string RandomBytes(size_t count) {
  std::string bytes(count, '\0');
  const int done = RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count));
  HEKLA_CHECK(done == 1, "the system has no random bytes");
  return bytes;
}

}  // namespace

std::string RandomHex(size_t bytes) { return absl::BytesToHexString(RandomBytes(bytes)); }

std::string NewSecret() {
  return absl::StrCat("hekla_", absl::WebSafeBase64Escape(RandomBytes(kSecretBytes)));
}

std::string Sha256Hex(absl::string_view text) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HEKLA_CHECK(EVP_Digest(text.data(), text.size(), hash, &size, EVP_sha256(), nullptr) == 1, "SHA-256");
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(hash), size));
}

bool EqualInConstantTime(absl::string_view a, absl::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace hekla::service
