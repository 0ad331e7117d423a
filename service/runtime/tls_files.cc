#include "service/runtime/tls_files.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>

#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"

namespace hekla::service {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

// OpenSSL would ask the terminal for it.
int NoPassphrase(char*, int, int, void*) { return 0; }

std::unique_ptr<BIO, Free> Reader(const std::string& text) {
  return std::unique_ptr<BIO, Free>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

absl::StatusOr<std::unique_ptr<X509, Free>> ReadCertificate(const std::string& pem, const std::string& path) {
  std::unique_ptr<X509, Free> certificate(
      PEM_read_bio_X509(Reader(pem).get(), nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  if (certificate == nullptr)
    return absl::InvalidArgumentError(absl::StrCat(path, ": has no PEM certificate"));
  return certificate;
}

}  // namespace

absl::StatusOr<absl::Time> CheckCertificateAndKey(const std::string& chain_pem, const std::string& chain_path,
                                                  const std::string& key_pem, const std::string& key_path) {
  HEKLA_ASSIGN_OR_RETURN(const auto certificate, ReadCertificate(chain_pem, chain_path));
  const std::unique_ptr<EVP_PKEY, Free> key(
      PEM_read_bio_PrivateKey(Reader(key_pem).get(), nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  if (key == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(key_path, ": has no PEM private key without a passphrase"));
  }
  const bool matches = X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!matches) {
    return absl::InvalidArgumentError(
        absl::StrCat(key_path, ": is not the key of the certificate in ", chain_path));
  }
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) != 1) {
    return absl::InvalidArgumentError(absl::StrCat(chain_path, ": the certificate has no valid end"));
  }
  return absl::FromTM(end, absl::UTCTimeZone());
}

absl::Status CheckCaCertificates(const std::string& pem, const std::string& path) {
  return ReadCertificate(pem, path).status();
}

}  // namespace hekla::service
