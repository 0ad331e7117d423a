// Certificates and keys in PEM form, checked before they are used: what gRPC itself says about a bad file is
// a failed handshake. Pure.
#ifndef HEKLA_SERVICE_RUNTIME_TLS_FILES_H_
#define HEKLA_SERVICE_RUNTIME_TLS_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace hekla::service {

// When the first certificate of the chain ends. INVALID_ARGUMENT, with the path that is wrong, if the chain
// or the key cannot be read, the key needs a passphrase, or it is another certificate's.
absl::StatusOr<absl::Time> CheckCertificateAndKey(const std::string& chain_pem, const std::string& chain_path,
                                                  const std::string& key_pem, const std::string& key_path);

// OK if there is a certificate, INVALID_ARGUMENT with the path otherwise.
absl::Status CheckCaCertificates(const std::string& pem, const std::string& path);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_TLS_FILES_H_
