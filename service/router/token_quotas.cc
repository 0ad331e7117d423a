#include "service/router/token_quotas.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "service/runtime/status.h"

namespace hekla::service {
namespace {

// When a request of the tenant may have ended; nobody knows.
constexpr absl::Duration kRequestsRetry = absl::Seconds(1);
constexpr absl::Duration kShortestRetry = absl::Milliseconds(10);

absl::Status Exceeded(const Grant& grant, const std::string& description, absl::Duration retry) {
  const absl::Status status = MakeError(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_QUOTA_EXCEEDED,
                                        absl::StrCat("quota of tenant '", grant.tenant, "': ", description));
  return WithRetryAfter(WithQuotaFailure(status, absl::StrCat("tenant:", grant.tenant), description), retry);
}

}  // namespace

void TokenQuotas::Fill(int64_t tokens_per_minute, absl::Time now, Account* account) {
  const auto full = static_cast<double>(tokens_per_minute);
  if (account->tokens_per_minute == 0) {
    account->tokens = full;  // new, or without a limit until now
  } else if (now > account->filled_at) {
    account->tokens += full * absl::FDivDuration(now - account->filled_at, absl::Minutes(1));
  }
  account->tokens = std::min(account->tokens, full);
  account->tokens_per_minute = tokens_per_minute;
  account->filled_at = std::max(account->filled_at, now);
}

absl::StatusOr<std::unique_ptr<TokenQuotas::Place>> TokenQuotas::Enter(const Grant& grant,
                                                                       int64_t prompt_tokens,
                                                                       absl::Time now) {
  if (!grant.has_quota()) return nullptr;
  absl::MutexLock lock(&mutex_);
  Account& account = accounts_[grant.token_hash];
  if (grant.max_requests > 0 && account.requests >= grant.max_requests) {
    return Exceeded(
        grant,
        absl::StrCat(account.requests, " requests are in flight, max-requests is ", grant.max_requests),
        kRequestsRetry);
  }
  if (grant.tokens_per_minute > 0) {
    Fill(grant.tokens_per_minute, now, &account);
    // A prompt of more than a minute's worth waits for a full bucket, not for ever.
    const auto needed = static_cast<double>(std::min(prompt_tokens, grant.tokens_per_minute));
    if (account.tokens < needed) {
      const absl::Duration wait =
          absl::Minutes(1) * ((needed - account.tokens) / static_cast<double>(grant.tokens_per_minute));
      return Exceeded(grant,
                      absl::StrCat("a prompt of about ", prompt_tokens, " tokens, ",
                                   static_cast<int64_t>(std::max(account.tokens, 0.0)),
                                   " are left, tokens-per-minute is ", grant.tokens_per_minute),
                      std::max(wait, kShortestRetry));
    }
  }
  ++account.requests;
  account.tokens -= static_cast<double>(prompt_tokens);
  return std::make_unique<Place>(this, grant.token_hash, prompt_tokens);
}

void TokenQuotas::Leave(const std::string& token_hash, int64_t taken, int64_t used) {
  absl::MutexLock lock(&mutex_);
  Account& account = accounts_[token_hash];
  --account.requests;
  account.tokens += static_cast<double>(taken - used);
}

}  // namespace hekla::service
