// Quotas of tokens: requests in flight, and prompt and output tokens a minute. Knows no clock: the time is
// given.
//
// Tokens a minute are a bucket that holds a minute's worth and fills all the time. A request takes its prompt
// when it is let in and its output when it ends, which may leave a debt: what a request will write is not
// known before. Each bearer token has its own quota, those of one tenant do not share. The state is this
// process's, and begins full. Thread-safe.
#ifndef HEKLA_SERVICE_ROUTER_TOKEN_QUOTAS_H_
#define HEKLA_SERVICE_ROUTER_TOKEN_QUOTAS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "service/runtime/token_file.h"

namespace hekla::service {

class TokenQuotas {
 public:
  // A request's place; it ends with it. Does not outlive the quotas.
  class Place {
   public:
    Place(TokenQuotas* quotas, std::string token_hash, int64_t tokens)
        : quotas_(quotas), token_hash_(std::move(token_hash)), tokens_(tokens) {}
    ~Place() { quotas_->Leave(token_hash_, tokens_, used_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    // What the request used, prompt and output. Without it: nothing, as when it was refused after all.
    void Used(int64_t tokens) { used_ = tokens; }

   private:
    TokenQuotas* const quotas_;
    const std::string token_hash_;
    const int64_t tokens_;  // taken when it was let in
    int64_t used_ = 0;
  };

  // Null when the grant has no quota. RESOURCE_EXHAUSTED QUOTA_EXCEEDED, with QuotaFailure and RetryInfo.
  absl::StatusOr<std::unique_ptr<Place>> Enter(const Grant& grant, int64_t prompt_tokens, absl::Time now);

 private:
  struct Account {
    int requests = 0;
    int64_t tokens_per_minute = 0;  // when it was last filled
    double tokens = 0;              // below 0: a debt
    absl::Time filled_at;
  };
  void Leave(const std::string& token_hash, int64_t taken, int64_t used);
  static void Fill(int64_t tokens_per_minute, absl::Time now, Account* account);

  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Account> accounts_ ABSL_GUARDED_BY(mutex_);  // by token hash
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_TOKEN_QUOTAS_H_
