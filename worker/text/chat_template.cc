#include "worker/text/chat_template.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"
#include "worker/text/template_parser.h"
#include "worker/text/template_renderer.h"

namespace hekla::text {

absl::StatusOr<std::unique_ptr<ChatTemplate>> ChatTemplate::Create(absl::string_view source,
                                                                   std::string bos_token,
                                                                   std::string eos_token) {
  if (source.size() > kMaxSourceBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the template has ", source.size(), " bytes, the limit is ", kMaxSourceBytes));
  }
  std::unique_ptr<ChatTemplate> made(new ChatTemplate());
  HEKLA_ASSIGN_OR_RETURN(made->statements_, ParseTemplate(source));
  made->bos_token_ = std::move(bos_token);
  made->eos_token_ = std::move(eos_token);
  return made;
}

absl::StatusOr<std::string> ChatTemplate::Render(const std::vector<ChatMessage>& messages,
                                                 bool add_generation_prompt, int64_t max_steps) const {
  TemplateValue::List list;
  for (const ChatMessage& message : messages) {
    TemplateValue::Dict entries;
    entries.emplace_back("role", TemplateValue(message.role));
    entries.emplace_back("content", TemplateValue(message.content));
    list.push_back(TemplateValue(std::move(entries)));
  }
  TemplateValue::Dict variables;
  variables.emplace_back("messages", TemplateValue(std::move(list)));
  variables.emplace_back("add_generation_prompt", TemplateValue(add_generation_prompt));
  variables.emplace_back("bos_token", TemplateValue(bos_token_));
  variables.emplace_back("eos_token", TemplateValue(eos_token_));
  return TemplateRenderer(&statements_, max_steps).Render(std::move(variables));
}

}  // namespace hekla::text
