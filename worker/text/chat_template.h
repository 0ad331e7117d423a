// A model's chat template (tokenizer.chat_template of its file, in Jinja): turns a conversation into the text
// that the model was trained on.
//
// Immutable once made, so any thread. Templates see messages (dicts of role and content),
// add_generation_prompt, bos_token and eos_token; everything else is undefined to them: no tools, no clock.
#ifndef HEKLA_WORKER_TEXT_CHAT_TEMPLATE_H_
#define HEKLA_WORKER_TEXT_CHAT_TEMPLATE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/text/template_syntax.h"

namespace hekla::text {

struct ChatMessage {
  std::string role, content;
};

class ChatTemplate {
 public:
  static constexpr int64_t kMaxSteps = 4000000;
  static constexpr size_t kMaxSourceBytes = 1 << 20;

  // INVALID_ARGUMENT: malformed, or too long; UNIMPLEMENTED: a statement that is not known. Both name the
  // line.
  static absl::StatusOr<std::unique_ptr<ChatTemplate>> Create(absl::string_view source, std::string bos_token,
                                                              std::string eos_token);

  // INVALID_ARGUMENT: the template refuses the conversation, in its own words; UNIMPLEMENTED,
  // FAILED_PRECONDITION: it needs what is not known here; RESOURCE_EXHAUSTED: it takes too long or says too
  // much. The last three name the line.
  absl::StatusOr<std::string> Render(const std::vector<ChatMessage>& messages, bool add_generation_prompt,
                                     int64_t max_steps = kMaxSteps) const;

 private:
  ChatTemplate() = default;

  std::vector<TemplateStatement> statements_;
  std::string bos_token_, eos_token_;
};

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_CHAT_TEMPLATE_H_
