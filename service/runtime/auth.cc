#include "service/runtime/auth.h"

#include <fstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "service/runtime/status.h"
#include "worker/base/status_macros.h"

namespace hekla::service {
namespace {

constexpr size_t kMinTokenBytes = 16;

// Looks at every byte whatever the first difference is.
bool EqualInConstantTime(absl::string_view a, absl::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadTokenFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat("token file ", path, " cannot be read"));
  std::vector<std::string> tokens;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const absl::string_view token = absl::StripAsciiWhitespace(line);
    if (token.empty() || token[0] == '#') continue;
    if (token.size() < kMinTokenBytes) {
      return absl::InvalidArgumentError(absl::StrCat("token file ", path, " line ", number, ": ",
                                                     token.size(), " characters, at least ", kMinTokenBytes,
                                                     " are required"));
    }
    tokens.emplace_back(token);
  }
  if (tokens.empty()) return absl::InvalidArgumentError(absl::StrCat("token file ", path, " has no token"));
  return tokens;
}

absl::StatusOr<Authenticator> Authenticator::Create(const std::string& path) {
  if (path.empty()) return Authenticator();
  HEKLA_ASSIGN_OR_RETURN(std::vector<std::string> tokens, ReadTokenFile(path));
  return Authenticator(std::move(tokens));
}

absl::Status Authenticator::Check(const grpc::CallbackServerContext& context) const {
  if (tokens_.empty()) return absl::OkStatus();
  const auto sent = context.client_metadata().find("authorization");
  if (sent == context.client_metadata().end()) {
    return MakeError(absl::StatusCode::kUnauthenticated, v1::ERROR_REASON_NO_CREDENTIAL,
                     "no credential: the metadata 'authorization: Bearer TOKEN' is required");
  }
  absl::string_view token(sent->second.data(), sent->second.size());
  bool accepted = false;
  if (absl::ConsumePrefix(&token, "Bearer ")) {
    for (const std::string& each : tokens_) accepted |= EqualInConstantTime(token, each);
  }
  if (accepted) return absl::OkStatus();
  return MakeError(absl::StatusCode::kUnauthenticated, v1::ERROR_REASON_NO_CREDENTIAL,
                   "wrong credential: the token in 'authorization' is not an accepted one");
}

}  // namespace hekla::service
