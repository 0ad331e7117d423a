#include "service/runtime/prompt_limit.h"

#include "absl/strings/str_cat.h"
#include "service/runtime/status.h"
#include "worker/base/status_macros.h"

namespace hekla::service {

absl::Status CheckTextBytes(absl::string_view field, int64_t bytes, int limit_bytes) {
  if (bytes <= limit_bytes) return absl::OkStatus();
  return InvalidField(field, absl::StrCat(bytes, " bytes, the limit is ", limit_bytes));
}

absl::Status CheckPromptBytes(const v1::GenerateRequest& request, int limit_bytes) {
  HEKLA_RETURN_IF_ERROR(CheckTextBytes("text", static_cast<int64_t>(request.text().size()), limit_bytes));
  int64_t bytes = 0;
  for (const v1::Chat::Message& message : request.chat().messages()) {
    bytes += static_cast<int64_t>(message.role().size() + message.content().size());
  }
  return CheckTextBytes("chat.messages", bytes, limit_bytes);
}

}  // namespace hekla::service
