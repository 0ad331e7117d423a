#include "service/runtime/auth.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "service/runtime/file.h"
#include "service/runtime/log.h"
#include "service/runtime/secret.h"
#include "service/runtime/status.h"
#include "worker/base/status_macros.h"

namespace hekla::service {
namespace {

constexpr absl::string_view kScheme = "bearer ";  // in any case, RFC 7235

absl::Status Refused(absl::string_view message) {
  return MakeError(absl::StatusCode::kUnauthenticated, v1::ERROR_REASON_NO_CREDENTIAL, message);
}

absl::Status CheckFieldsHaveEffect(const Grant& grant, TokenUse use, const std::string& path) {
  const char* field = nullptr;
  if (use != TokenUse::kRouter && grant.has_quota()) field = "a quota";
  if (use == TokenUse::kOperator && !grant.models.empty()) field = "models";
  if (field == nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "token file ", path, ": a token of tenant '", grant.tenant, "' has ", field,
      use == TokenUse::kWorker ? ", which only a router enforces" : ", which an admin port has no use for"));
}

}  // namespace

class Authenticator::TokenTable {
 public:
  using Grants = std::vector<std::shared_ptr<const Grant>>;

  TokenTable(const std::string& path, TokenUse use) : path_(path), use_(use), file_({path}) {}

  // Before the first Current().
  absl::Status Load() {
    absl::MutexLock lock(&mutex_);
    return Reload();
  }

  std::shared_ptr<const Grants> Current() {
    absl::MutexLock lock(&mutex_);
    if (const absl::Status status = Reload(); !status.ok()) {
      Log(LogLevel::kError, "token_file_kept", {{"file", path_}, {"error", status.message()}});
    }
    return grants_;
  }

 private:
  absl::Status Reload() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    HEKLA_ASSIGN_OR_RETURN(const std::optional<std::vector<std::string>> content, file_.ReadIfChanged());
    if (!content.has_value()) return absl::OkStatus();
    HEKLA_ASSIGN_OR_RETURN(std::vector<Grant> parsed, ParseTokenFile(content->front(), path_));
    auto grants = std::make_shared<Grants>();
    for (Grant& grant : parsed) {
      HEKLA_RETURN_IF_ERROR(CheckFieldsHaveEffect(grant, use_, path_));
      grants->push_back(std::make_shared<const Grant>(std::move(grant)));
    }
    if (grants_ != nullptr)
      Log(LogLevel::kInfo, "token_file_reloaded", {{"file", path_}, {"tokens", grants->size()}});
    grants_ = std::move(grants);
    return absl::OkStatus();
  }

  const std::string path_;
  const TokenUse use_;
  absl::Mutex mutex_;
  WatchedFiles file_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const Grants> grants_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<Authenticator> Authenticator::Create(const std::string& path, TokenUse use) {
  Authenticator authenticator;
  if (path.empty()) return authenticator;
  authenticator.table_ = std::make_shared<TokenTable>(path, use);
  HEKLA_RETURN_IF_ERROR(authenticator.table_->Load());
  return authenticator;
}

absl::StatusOr<std::shared_ptr<const Grant>> Authenticator::Check(
    const grpc::CallbackServerContext& context) const {
  const auto sent = context.client_metadata().find("authorization");
  if (sent == context.client_metadata().end()) return CheckValue(nullptr);
  const std::string value(sent->second.data(), sent->second.size());
  return CheckValue(&value);
}

absl::StatusOr<std::shared_ptr<const Grant>> Authenticator::CheckValue(
    const std::string* authorization) const {
  if (table_ == nullptr) {
    static const auto* everything = new std::shared_ptr<const Grant>(std::make_shared<const Grant>());
    return *everything;
  }
  if (authorization == nullptr) {
    return Refused("no credential: the metadata 'authorization: Bearer TOKEN' is required");
  }
  absl::string_view token = *authorization;
  if (!absl::StartsWithIgnoreCase(token, kScheme)) {
    return Refused("wrong credential: 'authorization' is not 'Bearer TOKEN'");
  }
  const std::string hash = Sha256Hex(token.substr(kScheme.size()));
  const auto grants = table_->Current();  // kept: a reload may come meanwhile
  std::shared_ptr<const Grant> found;
  for (const std::shared_ptr<const Grant>& grant : *grants) {
    if (EqualInConstantTime(hash, grant->token_hash)) found = grant;
  }
  if (found == nullptr)
    return Refused("wrong credential: the token in 'authorization' is not an accepted one");
  if (absl::Now() >= found->expires) {
    return Refused(absl::StrCat("wrong credential: the token of tenant '", found->tenant, "' expired at ",
                                absl::FormatTime(absl::RFC3339_sec, found->expires, absl::UTCTimeZone())));
  }
  return found;
}

absl::Status CheckModelAllowed(const Grant& grant, absl::string_view model) {
  if (grant.MayUse(model)) return absl::OkStatus();
  return WithMetadata(
      MakeError(absl::StatusCode::kPermissionDenied, v1::ERROR_REASON_FORBIDDEN,
                absl::StrCat("model: '", model, "' is not one that tenant '", grant.tenant, "' may use")),
      "value", model);
}

}  // namespace hekla::service
