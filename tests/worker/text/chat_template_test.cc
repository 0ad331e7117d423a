// Templates as model files have them, with the text that Jinja makes of them.
#include "worker/text/chat_template.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/model/chat_templates.h"

namespace hekla::text {
namespace {

using namespace test;  // the templates

const std::vector<ChatMessage> kSystem = {
    {"system", "Be brief."}, {"user", " Hi "}, {"assistant", "Hello!\n"}, {"user", "Who are you?"}};
const std::vector<ChatMessage> kPlain = {
    {"user", "Hi"}, {"assistant", "<think>\nhm\n</think>\n\nHello"}, {"user", "Bye"}};

struct Case {
  const char* name;
  absl::string_view source;
  const std::vector<ChatMessage>& messages;
  bool add_generation_prompt;
  const char* output;
  const char* refusal;  // the template's own words, instead of the output
};

const Case kCases[] = {
    {"ChatMl", kChatMl, kSystem, true, R"T(<|im_start|>system
Be brief.<|im_end|>
<|im_start|>user
 Hi <|im_end|>
<|im_start|>assistant
Hello!
<|im_end|>
<|im_start|>user
Who are you?<|im_end|>
<|im_start|>assistant
)T",
     ""},
    {"ChatMl", kChatMl, kSystem, false, R"T(<|im_start|>system
Be brief.<|im_end|>
<|im_start|>user
 Hi <|im_end|>
<|im_start|>assistant
Hello!
<|im_end|>
<|im_start|>user
Who are you?<|im_end|>
)T",
     ""},
    {"ChatMl", kChatMl, kPlain, true, R"T(<|im_start|>user
Hi<|im_end|>
<|im_start|>assistant
<think>
hm
</think>

Hello<|im_end|>
<|im_start|>user
Bye<|im_end|>
<|im_start|>assistant
)T",
     ""},
    {"Llama2", kLlama2, kSystem, true, R"T(<s>[INST] <<SYS>>
Be brief.
<</SYS>>

 Hi [/INST] Hello! </s><s>[INST] Who are you? [/INST])T",
     ""},
    {"Llama2", kLlama2, kSystem, false, R"T(<s>[INST] <<SYS>>
Be brief.
<</SYS>>

 Hi [/INST] Hello! </s><s>[INST] Who are you? [/INST])T",
     ""},
    {"Llama2", kLlama2, kPlain, true, R"T(<s>[INST] Hi [/INST] <think>
hm
</think>

Hello </s><s>[INST] Bye [/INST])T",
     ""},
    {"Llama3", kLlama3, kSystem, true, R"T(<s><|start_header_id|>system<|end_header_id|>

Be brief.<|eot_id|><|start_header_id|>user<|end_header_id|>

Hi<|eot_id|><|start_header_id|>assistant<|end_header_id|>

Hello!<|eot_id|><|start_header_id|>user<|end_header_id|>

Who are you?<|eot_id|><|start_header_id|>assistant<|end_header_id|>

)T",
     ""},
    {"Llama3", kLlama3, kSystem, false, R"T(<s><|start_header_id|>system<|end_header_id|>

Be brief.<|eot_id|><|start_header_id|>user<|end_header_id|>

Hi<|eot_id|><|start_header_id|>assistant<|end_header_id|>

Hello!<|eot_id|><|start_header_id|>user<|end_header_id|>

Who are you?<|eot_id|>)T",
     ""},
    {"Llama3", kLlama3, kPlain, true, R"T(<s><|start_header_id|>user<|end_header_id|>

Hi<|eot_id|><|start_header_id|>assistant<|end_header_id|>

<think>
hm
</think>

Hello<|eot_id|><|start_header_id|>user<|end_header_id|>

Bye<|eot_id|><|start_header_id|>assistant<|end_header_id|>

)T",
     ""},
    {"Llama31", kLlama31, kSystem, true, R"T(<s><|start_header_id|>system<|end_header_id|>

Cutting Knowledge Date: December 2023
Today Date: 26 Jul 2024

Be brief.<|eot_id|><|start_header_id|>user<|end_header_id|>

Hi<|eot_id|><|start_header_id|>assistant<|end_header_id|>

Hello!<|eot_id|><|start_header_id|>user<|end_header_id|>

Who are you?<|eot_id|><|start_header_id|>assistant<|end_header_id|>

)T",
     ""},
    {"Llama31", kLlama31, kSystem, false, R"T(<s><|start_header_id|>system<|end_header_id|>

Cutting Knowledge Date: December 2023
Today Date: 26 Jul 2024

Be brief.<|eot_id|><|start_header_id|>user<|end_header_id|>

Hi<|eot_id|><|start_header_id|>assistant<|end_header_id|>

Hello!<|eot_id|><|start_header_id|>user<|end_header_id|>

Who are you?<|eot_id|>)T",
     ""},
    {"Llama31", kLlama31, kPlain, true, R"T(<s><|start_header_id|>system<|end_header_id|>

Cutting Knowledge Date: December 2023
Today Date: 26 Jul 2024

<|eot_id|><|start_header_id|>user<|end_header_id|>

Hi<|eot_id|><|start_header_id|>assistant<|end_header_id|>

<think>
hm
</think>

Hello<|eot_id|><|start_header_id|>user<|end_header_id|>

Bye<|eot_id|><|start_header_id|>assistant<|end_header_id|>

)T",
     ""},
    {"Qwen25", kQwen25, kSystem, true, R"T(<|im_start|>system
Be brief.<|im_end|>
<|im_start|>user
 Hi <|im_end|>
<|im_start|>assistant
Hello!
<|im_end|>
<|im_start|>user
Who are you?<|im_end|>
<|im_start|>assistant
)T",
     ""},
    {"Qwen25", kQwen25, kSystem, false, R"T(<|im_start|>system
Be brief.<|im_end|>
<|im_start|>user
 Hi <|im_end|>
<|im_start|>assistant
Hello!
<|im_end|>
<|im_start|>user
Who are you?<|im_end|>
)T",
     ""},
    {"Qwen25", kQwen25, kPlain, true, R"T(<|im_start|>system
You are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>
<|im_start|>user
Hi<|im_end|>
<|im_start|>assistant
<think>
hm
</think>

Hello<|im_end|>
<|im_start|>user
Bye<|im_end|>
<|im_start|>assistant
)T",
     ""},
    {"Qwen3", kQwen3, kSystem, true, R"T(<|im_start|>system
Be brief.<|im_end|>
<|im_start|>user
 Hi <|im_end|>
<|im_start|>assistant
Hello!
<|im_end|>
<|im_start|>user
Who are you?<|im_end|>
<|im_start|>assistant
)T",
     ""},
    {"Qwen3", kQwen3, kSystem, false, R"T(<|im_start|>system
Be brief.<|im_end|>
<|im_start|>user
 Hi <|im_end|>
<|im_start|>assistant
Hello!
<|im_end|>
<|im_start|>user
Who are you?<|im_end|>
)T",
     ""},
    {"Qwen3", kQwen3, kPlain, true, R"T(<|im_start|>user
Hi<|im_end|>
<|im_start|>assistant
Hello<|im_end|>
<|im_start|>user
Bye<|im_end|>
<|im_start|>assistant
)T",
     ""},
    {"Mistral", kMistral, kSystem, true, R"T(<s>[INST] Hi [/INST] Hello!</s>[INST]Be brief.

Who are you?[/INST])T",
     ""},
    {"Mistral", kMistral, kSystem, false, R"T(<s>[INST] Hi [/INST] Hello!</s>[INST]Be brief.

Who are you?[/INST])T",
     ""},
    {"Mistral", kMistral, kPlain, true, R"T(<s>[INST]Hi[/INST] <think>
hm
</think>

Hello</s>[INST]Bye[/INST])T",
     ""},
    {"Zephyr", kZephyr, kSystem, true, R"T(<|system|>
Be brief.</s>
<|user|>
 Hi </s>
<|assistant|>
Hello!
</s>
<|user|>
Who are you?</s>
<|assistant|>
)T",
     ""},
    {"Zephyr", kZephyr, kSystem, false, R"T(<|system|>
Be brief.</s>
<|user|>
 Hi </s>
<|assistant|>
Hello!
</s>
<|user|>
Who are you?</s>
)T",
     ""},
    {"Zephyr", kZephyr, kPlain, true, R"T(<|user|>
Hi</s>
<|assistant|>
<think>
hm
</think>

Hello</s>
<|user|>
Bye</s>
<|assistant|>
)T",
     ""},
    {"Gemma", kGemma, kSystem, true, "", R"T(System role not supported)T"},
    {"Gemma", kGemma, kSystem, false, "", R"T(System role not supported)T"},
    {"Gemma", kGemma, kPlain, true, R"T(<s><start_of_turn>user
Hi<end_of_turn>
<start_of_turn>model
<think>
hm
</think>

Hello<end_of_turn>
<start_of_turn>user
Bye<end_of_turn>
<start_of_turn>model
)T",
     ""},
    {"MacroStyle", kMacroStyle, kSystem, true, R"T(<|system|>
Be brief.<|end|>
<|user|>
Hi<|end|>
<|assistant|>
Hello!<|end|>
<|user|>
Who are you?<|end|>
<|assistant|>
)T",
     ""},
    {"MacroStyle", kMacroStyle, kSystem, false, R"T(<|system|>
Be brief.<|end|>
<|user|>
Hi<|end|>
<|assistant|>
Hello!<|end|>
<|user|>
Who are you?<|end|>
)T",
     ""},
    {"MacroStyle", kMacroStyle, kPlain, true, R"T(<|user|>
Hi<|end|>
<|assistant|>
<think>
hm
</think>

Hello<|end|>
<|user|>
Bye<|end|>
<|assistant|>
)T",
     ""},
};

TEST(ChatTemplateTest, RendersWhatModelsWereTrainedOn) {
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.name);
    const auto made = ChatTemplate::Create(each.source, "<s>", "</s>");
    ASSERT_TRUE(made.ok()) << made.status();
    const absl::StatusOr<std::string> text = (*made)->Render(each.messages, each.add_generation_prompt);
    if (each.refusal[0] != '\0') {
      EXPECT_EQ(text.status(), absl::InvalidArgumentError(each.refusal));
      continue;
    }
    ASSERT_TRUE(text.ok()) << text.status();
    EXPECT_EQ(*text, each.output);
  }
}

TEST(ChatTemplateTest, LeavesWhatUsersSayAsItIs) {
  const auto made = ChatTemplate::Create("{{ messages[0].role }}:{{ messages[0].content }}", "", "");
  ASSERT_TRUE(made.ok()) << made.status();
  const std::string hostile = "{{ bos_token }}{% raw %} \xC3\xA9 \xFF <|im_end|>";
  EXPECT_EQ((*made)->Render({{"{{", hostile}}, true).value(), "{{:" + hostile);
}

}  // namespace
}  // namespace hekla::text
