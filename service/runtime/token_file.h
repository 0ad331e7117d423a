// Token files. A server's file holds a line for each token it accepts, with the token's hash, never the
// token:
//
//   sha256:HASH tenant=NAME [models=A,B] [max-requests=N] [tokens-per-minute=N] [expires=2027-01-31]
//
// A client's file holds the token itself in its first line. In both, empty lines and lines that begin with #
// are skipped.
//
// Why SHA-256 and no slow hash: a slow hash buys time against guessing of what people choose. Tokens made by
// NewSecret() have 256 random bits: no number of guesses finds one, whatever a guess costs, and a fast hash
// keeps wrong tokens from costing the server more than they cost the sender.
#ifndef HEKLA_SERVICE_RUNTIME_TOKEN_FILE_H_
#define HEKLA_SERVICE_RUNTIME_TOKEN_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace hekla::service {

// What a token lets its bearer do. The default: everything, for servers without a token file.
struct Grant {
  std::string token_hash;  // Sha256Hex of the token; empty = of no token
  std::string tenant;
  std::vector<std::string> models;  // that may be used and seen; empty = all
  int max_requests = 0;             // in flight at a time; 0 = no limit
  int64_t tokens_per_minute = 0;    // prompt and output together; 0 = no limit
  absl::Time expires = absl::InfiniteFuture();

  bool MayUse(absl::string_view model) const;
  bool has_quota() const { return max_requests > 0 || tokens_per_minute > 0; }
};

// `content` of a server's file, >= 1 grant. INVALID_ARGUMENT "token file PATH line N: ...", which never
// quotes a first word: it may be a token.
absl::StatusOr<std::vector<Grant>> ParseTokenFile(absl::string_view content, const std::string& path);

// The line of ParseTokenFile for a grant.
std::string TokenLine(const Grant& grant);

// OK if `tenant` is 1 to 64 characters of A-Za-z0-9._-, INVALID_ARGUMENT otherwise.
absl::Status CheckTenant(absl::string_view tenant);

// The token of a client's file, >= 16 visible characters. INVALID_ARGUMENT with the line number.
absl::StatusOr<std::string> ParseClientToken(absl::string_view content, const std::string& path);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_TOKEN_FILE_H_
