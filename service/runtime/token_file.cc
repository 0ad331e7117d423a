#include "service/runtime/token_file.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "worker/base/status_macros.h"

namespace hekla::service {
namespace {

constexpr absl::string_view kHashPrefix = "sha256:";
constexpr size_t kHashDigits = 64;
constexpr size_t kMaxTenantBytes = 64;
constexpr size_t kMinTokenBytes = 16;

absl::Status Bad(absl::string_view key, absl::string_view value, absl::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrCat(key, " is '", value, "', not ", wanted));
}

absl::Status ParseHash(absl::string_view word, std::string* hash) {
  const bool has_prefix = absl::ConsumePrefix(&word, kHashPrefix);
  const bool is_hex =
      std::all_of(word.begin(), word.end(), [](unsigned char c) { return absl::ascii_isxdigit(c); });
  if (!has_prefix || word.size() != kHashDigits || !is_hex) {
    return absl::InvalidArgumentError(
        "the first word is not sha256: and 64 hexadecimal digits. A token itself does not belong into this "
        "file; "
        "hekla-router --new-token TENANT makes one, and its line");
  }
  *hash = absl::AsciiStrToLower(word);
  return absl::OkStatus();
}

template <typename T>
absl::Status ParseLimit(absl::string_view key, absl::string_view value, T* limit) {
  if (absl::SimpleAtoi(value, limit) && *limit >= 1) return absl::OkStatus();
  return Bad(key, value, "a whole number above 0");
}

absl::Status ParseModels(absl::string_view value, std::vector<std::string>* models) {
  *models = absl::StrSplit(value, ',');
  const bool has_empty =
      std::any_of(models->begin(), models->end(), [](const auto& each) { return each.empty(); });
  return has_empty ? Bad("models", value, "names with commas between them") : absl::OkStatus();
}

absl::Status ParseExpiry(absl::string_view value, absl::Time* expires) {
  std::string error;
  if (absl::ParseTime("%Y-%m-%d", value, expires, &error) ||
      absl::ParseTime(absl::RFC3339_sec, value, expires, &error)) {
    return absl::OkStatus();
  }
  return Bad("expires", value, "a day such as 2027-01-31 or a time such as 2027-01-31T12:00:00Z");
}

absl::Status ParseField(absl::string_view key, absl::string_view value, Grant* grant) {
  if (key == "tenant") {
    grant->tenant = std::string(value);
    return CheckTenant(value);
  }
  if (key == "models") return ParseModels(value, &grant->models);
  if (key == "max-requests") return ParseLimit(key, value, &grant->max_requests);
  if (key == "tokens-per-minute") return ParseLimit(key, value, &grant->tokens_per_minute);
  if (key == "expires") return ParseExpiry(value, &grant->expires);
  return Bad("a key", key, "tenant, models, max-requests, tokens-per-minute or expires");
}

absl::StatusOr<Grant> ParseLine(absl::string_view line) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  Grant grant;
  HEKLA_RETURN_IF_ERROR(ParseHash(words[0], &grant.token_hash));
  absl::flat_hash_set<absl::string_view> seen;
  for (size_t i = 1; i < words.size(); ++i) {
    const std::pair<absl::string_view, absl::string_view> field =
        absl::StrSplit(words[i], absl::MaxSplits('=', 1));
    if (!seen.insert(field.first).second) return Bad("a key", field.first, "given once");
    HEKLA_RETURN_IF_ERROR(ParseField(field.first, field.second, &grant));
  }
  if (grant.tenant.empty()) return absl::InvalidArgumentError("tenant=NAME is missing");
  return grant;
}

// Calls `take(line)` for each line that says something; an error gets the line's number.
template <typename Take>
absl::Status ForEachLine(absl::string_view content, const std::string& path, Take take) {
  int number = 0;
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    if (const absl::Status status = take(number, line); !status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("token file ", path, " line ", number, ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool Grant::MayUse(absl::string_view model) const {
  return models.empty() || std::find(models.begin(), models.end(), model) != models.end();
}

absl::Status CheckTenant(absl::string_view tenant) {
  const bool is_good = std::all_of(tenant.begin(), tenant.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
  });
  if (is_good && !tenant.empty() && tenant.size() <= kMaxTenantBytes) return absl::OkStatus();
  return Bad("tenant", tenant, absl::StrCat("1 to ", kMaxTenantBytes, " characters of A-Za-z0-9._-"));
}

absl::StatusOr<std::vector<Grant>> ParseTokenFile(absl::string_view content, const std::string& path) {
  std::vector<Grant> grants;
  absl::flat_hash_map<std::string, int> line_of;
  HEKLA_RETURN_IF_ERROR(ForEachLine(content, path, [&](int number, absl::string_view line) -> absl::Status {
    HEKLA_ASSIGN_OR_RETURN(Grant grant, ParseLine(line));
    const auto [first, is_new] = line_of.emplace(grant.token_hash, number);
    if (!is_new)
      return absl::InvalidArgumentError(absl::StrCat("the token is in line ", first->second, " already"));
    grants.push_back(std::move(grant));
    return absl::OkStatus();
  }));
  if (grants.empty()) return absl::InvalidArgumentError(absl::StrCat("token file ", path, " has no token"));
  return grants;
}

std::string TokenLine(const Grant& grant) {
  std::string line = absl::StrCat(kHashPrefix, grant.token_hash, " tenant=", grant.tenant);
  if (!grant.models.empty()) absl::StrAppend(&line, " models=", absl::StrJoin(grant.models, ","));
  if (grant.max_requests > 0) absl::StrAppend(&line, " max-requests=", grant.max_requests);
  if (grant.tokens_per_minute > 0) absl::StrAppend(&line, " tokens-per-minute=", grant.tokens_per_minute);
  if (grant.expires != absl::InfiniteFuture()) {
    absl::StrAppend(&line,
                    " expires=", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", grant.expires, absl::UTCTimeZone()));
  }
  return line;
}

absl::StatusOr<std::string> ParseClientToken(absl::string_view content, const std::string& path) {
  std::string token;
  HEKLA_RETURN_IF_ERROR(ForEachLine(content, path, [&](int, absl::string_view line) -> absl::Status {
    if (!token.empty()) return absl::OkStatus();
    if (absl::StartsWith(line, kHashPrefix)) {
      return absl::InvalidArgumentError(
          "this is a token's hash, as servers keep it; a client needs the token itself");
    }
    if (line.size() < kMinTokenBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(line.size(), " characters, at least ", kMinTokenBytes, " are required"));
    }
    if (!std::all_of(line.begin(), line.end(), [](unsigned char c) { return absl::ascii_isgraph(c); })) {
      return absl::InvalidArgumentError("a token has a space or a character outside ASCII");
    }
    token = std::string(line);
    return absl::OkStatus();
  }));
  if (token.empty()) return absl::InvalidArgumentError(absl::StrCat("token file ", path, " has no token"));
  return token;
}

}  // namespace hekla::service
