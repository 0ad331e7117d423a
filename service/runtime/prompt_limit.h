// How long a prompt may be before anything is computed from it. Pure.
#ifndef HEKLA_SERVICE_RUNTIME_PROMPT_LIMIT_H_
#define HEKLA_SERVICE_RUNTIME_PROMPT_LIMIT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "hekla/v1/inference.pb.h"

namespace hekla::service {

// Of one prompt: a thousand pages. What a model takes is far less, and counted in tokens.
inline constexpr int kMaxPromptBytes = 4 << 20;

// INVALID_ARGUMENT INVALID_FIELD if the text, or all messages of the chat together, are longer. Ids are
// limited by the model's context.
absl::Status CheckPromptBytes(const v1::GenerateRequest& request, int limit_bytes);
// The same for one text field.
absl::Status CheckTextBytes(absl::string_view field, int64_t bytes, int limit_bytes);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_RUNTIME_PROMPT_LIMIT_H_
