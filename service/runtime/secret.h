// Secrets: random ones, their hashes, comparison. With tls_files the only place that sees OpenSSL.
// Thread-safe.
#ifndef HEKLA_SERVICE_RUNTIME_SECRET_H_
#define HEKLA_SERVICE_RUNTIME_SECRET_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace hekla::service {

// `bytes` from the system's cryptographic source, as twice as many lower-case hex digits.
std::string RandomHex(size_t bytes);

// A new bearer token, "hekla_" and 256 random bits in URL-safe Base64: 49 characters.
std::string NewSecret();

// SHA-256 as 64 lower-case hex digits; what `printf %s TEXT | sha256sum` says.
std::string Sha256Hex(absl::string_view text);

// Takes the same time wherever texts of one length differ.
bool EqualInConstantTime(absl::string_view a, absl::string_view b);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_SECRET_H_
