#include "worker/request_reader.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "service/runtime/status.h"
#include "tests/support/engine_fake/byte_vocabulary.h"
#include "tests/support/engine_fake/service_fixture.h"

namespace hekla::worker {
namespace {

using v1::GenerateRequest;

class RequestReaderTest : public testing::Test {
 protected:
  RequestReaderTest() : tokenizer_(text::MakeByteTokenizer()) {
    engine::Limits limits;
    limits.max_context = 128;
    limits.max_sequences = 4;
    limits.kv_blocks = 3;  // 96 tokens: below one context
    model_ = MakeByteModel(*tokenizer_, limits, 8);
  }
  absl::StatusOr<ReadRequest> Read(const GenerateRequest& request) {
    return ReadGenerateRequest(request, model_, v1::PRIORITY_NORMAL);
  }
  std::unique_ptr<text::Tokenizer> tokenizer_;
  ServedModel model_;
};

struct BadCase {
  const char* name;
  std::function<void(GenerateRequest*)> spoil;
  absl::StatusCode code;
  v1::ErrorReason reason;
  std::vector<std::string> says;  // field, value and limit
};

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnbuilt = absl::StatusCode::kUnimplemented;
constexpr auto kField = v1::ERROR_REASON_INVALID_FIELD;
constexpr auto kOption = v1::ERROR_REASON_UNSUPPORTED_OPTION;
const float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<BadCase> IdentityCases() {
  return {
      {"request_id",
       [](auto* r) { r->set_request_id(std::string(129, 'x')); },
       kInvalid,
       kField,
       {"request_id", "129", "128"}},
      {"cache_scope",
       [](auto* r) { r->set_cache_scope(std::string(129, 'x')); },
       kInvalid,
       kField,
       {"cache_scope", "129", "128"}},
      {"session id",
       [](auto* r) { r->mutable_session()->set_id(std::string(129, 'x')); },
       kInvalid,
       kField,
       {"session.id", "129", "128"}},
      {"session",
       [](auto* r) { r->mutable_session()->set_affinity(v1::Session::REQUIRE); },
       kUnbuilt,
       kOption,
       {"session.affinity"}},
      {"model",
       [](auto* r) { r->set_model("other"); },
       absl::StatusCode::kNotFound,
       v1::ERROR_REASON_UNKNOWN_MODEL,
       {"other", "bytes"}},
      {"constraint",
       [](auto* r) { r->mutable_constraint()->set_regex("a"); },
       kUnbuilt,
       kOption,
       {"constraint"}},
      {"priority",
       [](auto* r) { r->set_priority(static_cast<v1::Priority>(9)); },
       kInvalid,
       kField,
       {"priority", "9"}},
      {"queue_timeout",
       [](auto* r) { r->mutable_queue_timeout()->set_seconds(-1); },
       kInvalid,
       kField,
       {"queue_timeout", "-1s"}},
  };
}

std::vector<BadCase> PromptCases() {
  return {
      {"no prompt", [](auto* r) { r->clear_text(); }, kInvalid, kField, {"prompt"}},
      {"empty prompt", [](auto* r) { r->set_text(""); }, kInvalid, kField, {"prompt", "no tokens"}},
      {"chat without template",
       [](auto* r) { r->mutable_chat()->add_messages()->set_content("a"); },
       kUnbuilt,
       kOption,
       {"chat", "no chat template"}},
      {"empty chat", [](auto* r) { r->mutable_chat(); }, kInvalid, kField, {"chat.messages", "0", "1"}},
      {"prompt id",
       [](auto* r) { r->mutable_token_ids()->add_ids(257); },
       kInvalid,
       kField,
       {"token_ids.ids[0]", "257", "257 tokens"}},
      {"resume id",
       [](auto* r) { r->add_resume_token_ids(4000000000u); },
       kInvalid,
       kField,
       {"resume_token_ids[0]", "4000000000"}},
      {"long prompt",
       [](auto* r) { r->set_text(std::string(128, 'a')); },
       kInvalid,
       v1::ERROR_REASON_PROMPT_TOO_LONG,
       {"128", "127"}},
      {"huge prompt",
       [](auto* r) { r->set_text(std::string(1 << 20, 'a')); },
       kInvalid,
       v1::ERROR_REASON_PROMPT_TOO_LONG,
       {"at least", "127"}},
      {"prompt beyond KV",
       [](auto* r) { r->set_text(std::string(100, 'a')); },
       kInvalid,
       v1::ERROR_REASON_NEVER_FITS,
       {"101", "96"}},
  };
}

std::vector<BadCase> SamplingCases() {
  return {
      {"temperature",
       [](auto* r) { r->mutable_sampling()->set_temperature(-0.5); },
       kInvalid,
       kField,
       {"sampling.temperature", "-0.5", "0 .. 100"}},
      {"temperature nan",
       [](auto* r) { r->mutable_sampling()->set_temperature(kNan); },
       kInvalid,
       kField,
       {"sampling.temperature", "nan"}},
      {"top_p 0",
       [](auto* r) { r->mutable_sampling()->set_top_p(0); },
       kInvalid,
       kField,
       {"sampling.top_p", "(0, 1]"}},
      {"top_p",
       [](auto* r) { r->mutable_sampling()->set_top_p(1.5); },
       kInvalid,
       kField,
       {"sampling.top_p", "1.5"}},
      {"min_p",
       [](auto* r) { r->mutable_sampling()->set_min_p(1); },
       kInvalid,
       kField,
       {"sampling.min_p", "[0, 1)"}},
      {"typical_p",
       [](auto* r) { r->mutable_sampling()->set_typical_p(0.5); },
       kUnbuilt,
       kOption,
       {"sampling.typical_p"}},
      {"typical_p range",
       [](auto* r) { r->mutable_sampling()->set_typical_p(2); },
       kInvalid,
       kField,
       {"sampling.typical_p", "2"}},
  };
}

std::vector<BadCase> PenaltyCases() {
  return {
      {"repetition",
       [](auto* r) { r->mutable_sampling()->set_repetition_penalty(0); },
       kInvalid,
       kField,
       {"sampling.repetition_penalty", "(0, 100]"}},
      {"presence",
       [](auto* r) { r->mutable_sampling()->set_presence_penalty(101); },
       kInvalid,
       kField,
       {"sampling.presence_penalty", "101", "100"}},
      {"frequency",
       [](auto* r) { r->mutable_sampling()->set_frequency_penalty(-101); },
       kInvalid,
       kField,
       {"sampling.frequency_penalty", "-101"}},
      {"bias id",
       [](auto* r) { (*r->mutable_sampling()->mutable_logit_bias())[300] = 1; },
       kInvalid,
       kField,
       {"sampling.logit_bias[300]", "257"}},
      {"bias inf",
       [](auto* r) { (*r->mutable_sampling()->mutable_logit_bias())[3] = INFINITY; },
       kInvalid,
       kField,
       {"sampling.logit_bias[3]", "inf"}},
      {"biases",
       [](auto* r) {
         for (uint32_t i = 0; i < 1025; ++i) (*r->mutable_sampling()->mutable_logit_bias())[i] = 1;
       },
       kInvalid,
       kField,
       {"sampling.logit_bias", "1025", "1024"}},
  };
}

std::vector<BadCase> StopCases() {
  return {
      {"max_tokens 0",
       [](auto* r) { r->mutable_stop()->set_max_tokens(0); },
       kInvalid,
       kField,
       {"stop.max_tokens", "1"}},
      {"max_tokens",
       [](auto* r) { r->mutable_stop()->set_max_tokens(95); },
       kInvalid,
       v1::ERROR_REASON_NEVER_FITS,
       {"stop.max_tokens", "95", "97"}},
      {"max_tokens huge",
       [](auto* r) { r->mutable_stop()->set_max_tokens(4294967295u); },
       kInvalid,
       v1::ERROR_REASON_NEVER_FITS,
       {"4294967295"}},
      {"min_tokens",
       [](auto* r) { r->mutable_stop()->set_min_tokens(6); },
       kInvalid,
       kField,
       {"stop.min_tokens", "6", "5"}},
      {"stops",
       [](auto* r) {
         for (int i = 0; i < 17; ++i) r->mutable_stop()->add_stop_strings("a");
       },
       kInvalid,
       kField,
       {"stop.stop_strings", "17", "16"}},
      {"stop empty",
       [](auto* r) { r->mutable_stop()->add_stop_strings(""); },
       kInvalid,
       kField,
       {"stop.stop_strings[0]"}},
      {"stop long",
       [](auto* r) { r->mutable_stop()->add_stop_strings(std::string(257, 'a')); },
       kInvalid,
       kField,
       {"stop.stop_strings[0]", "257", "256"}},
      {"stop id",
       [](auto* r) { r->mutable_stop()->add_stop_token_ids(257); },
       kInvalid,
       kField,
       {"stop.stop_token_ids[0]", "257"}},
      {"stop ids",
       [](auto* r) {
         for (int i = 0; i < 16; ++i) r->mutable_stop()->add_stop_token_ids(i);
       },
       kInvalid,
       kField,
       {"stop.stop_token_ids", "16", "15"}},
  };
}

std::vector<BadCase> OutputCases() {
  return {
      {"n 0", [](auto* r) { r->mutable_output()->set_n(0); }, kInvalid, kField, {"output.n", "1 .. 16"}},
      {"n above the queue",
       [](auto* r) { r->mutable_output()->set_n(16); },
       kInvalid,
       kField,
       {"output.n", "16", "queue of 8"}},
      {"n resumed",
       [](auto* r) {
         r->mutable_output()->set_n(2);
         r->add_resume_token_ids(65);
       },
       kInvalid,
       kField,
       {"output.n", "2", "resume_token_ids"}},
      {"samples",
       [](auto* r) {
         r->mutable_output()->set_n(2);
         r->set_first_sample_index(4294967295u);
       },
       kInvalid,
       kField,
       {"first_sample_index", "4294967295", "2"}},
      {"n 17", [](auto* r) { r->mutable_output()->set_n(17); }, kInvalid, kField, {"output.n", "17"}},
      {"logprobs",
       [](auto* r) { r->mutable_output()->set_logprobs(21); },
       kInvalid,
       kField,
       {"output.logprobs", "21", "20"}},
      {"prompt_logprobs",
       [](auto* r) { r->mutable_output()->set_prompt_logprobs(21); },
       kInvalid,
       kField,
       {"output.prompt_logprobs", "21", "20"}},
      {"coalesce",
       [](auto* r) { r->mutable_output()->mutable_coalesce_delay()->set_seconds(2); },
       kInvalid,
       kField,
       {"output.coalesce_delay", "2s", "1s"}},
      {"resume beyond max",
       [](auto* r) {
         for (int i = 0; i < 6; ++i) r->add_resume_token_ids(65);
       },
       kInvalid,
       kField,
       {"resume_token_ids", "6", "5"}},
  };
}

TEST_F(RequestReaderTest, NamesFieldValueAndLimitOfWhatIsWrong) {
  for (const std::vector<BadCase>& cases :
       {IdentityCases(), PromptCases(), SamplingCases(), PenaltyCases(), StopCases(), OutputCases()}) {
    for (const BadCase& bad : cases) {
      SCOPED_TRACE(bad.name);
      GenerateRequest request = TextRequest("abc", 5);
      bad.spoil(&request);
      const absl::Status status = Read(request).status();
      EXPECT_EQ(status.code(), bad.code) << status;
      EXPECT_EQ(service::ReasonOf(status), bad.reason) << status;
      for (const std::string& part : bad.says) {
        EXPECT_NE(std::string(status.message()).find(part), std::string::npos)
            << part << " not in " << status;
      }
      EXPECT_EQ(service::BadRequestOf(status).field_violations_size(), bad.reason == kField ? 1 : 0);
    }
  }
}

TEST_F(RequestReaderTest, DefaultsAreThoseOfTheProtocol) {
  GenerateRequest request;
  request.set_text("abc");
  const absl::StatusOr<ReadRequest> read = Read(request);
  ASSERT_TRUE(read.ok()) << read.status();
  const v1::Sampling sampling = EffectiveSampling(read->engine.sampling);
  EXPECT_EQ(sampling.temperature(), 1);
  EXPECT_EQ(sampling.top_k(), 0u);
  EXPECT_EQ(sampling.top_p(), 1);
  EXPECT_EQ(sampling.min_p(), 0);
  EXPECT_EQ(sampling.repetition_penalty(), 1);
  EXPECT_EQ(sampling.penalty_last_n(), 64u);
  EXPECT_EQ(read->engine.priority, 1);
  EXPECT_EQ(read->engine.stop.max_tokens, 94);  // 96 KV tokens hold prompt and output but the last
  EXPECT_FALSE(read->seed_given);
  EXPECT_EQ(read->engine.sampling.prompt_logprobs, -1);
  EXPECT_TRUE(read->want_text && read->want_ids && !read->wants_prompt());
  EXPECT_EQ(ReadGenerateRequest(request, model_, v1::PRIORITY_BATCH)->engine.priority, 0);
}

TEST_F(RequestReaderTest, EverySetFieldReachesTheEngine) {
  GenerateRequest request = TextRequest("abc", 20);
  v1::Sampling* sampling = request.mutable_sampling();
  sampling->set_temperature(0.5);
  sampling->set_top_k(7);
  sampling->set_top_p(0.75);
  sampling->set_min_p(0.25);
  sampling->set_repetition_penalty(1.5);
  sampling->set_presence_penalty(-2);
  sampling->set_frequency_penalty(3);
  sampling->set_penalty_last_n(9);
  sampling->set_seed(0);
  (*sampling->mutable_logit_bias())[65] = -1;
  (*sampling->mutable_logit_bias())[3] = 2;
  request.mutable_stop()->set_min_tokens(4);
  request.mutable_stop()->set_ignore_eos(true);
  request.mutable_stop()->add_stop_token_ids(66);
  request.mutable_output()->set_logprobs(0);
  request.mutable_output()->set_prompt_logprobs(20);
  request.set_first_sample_index(5);
  request.set_priority(v1::PRIORITY_INTERACTIVE);
  request.add_resume_token_ids(67);
  const absl::StatusOr<ReadRequest> read = Read(request);
  ASSERT_TRUE(read.ok()) << read.status();
  const schedule::SamplingParams& params = read->engine.sampling;
  EXPECT_EQ(params.temperature, 0.5f);
  EXPECT_EQ(params.top_k, 7);
  EXPECT_EQ(params.top_p, 0.75f);
  EXPECT_EQ(params.min_p, 0.25f);
  EXPECT_EQ(params.repetition_penalty, 1.5f);
  EXPECT_EQ(params.presence_penalty, -2);
  EXPECT_EQ(params.frequency_penalty, 3);
  EXPECT_EQ(params.penalty_last_n, 9);
  EXPECT_TRUE(read->seed_given);
  EXPECT_EQ(params.sample_index, 5u);
  EXPECT_EQ(params.logprobs, 0);
  EXPECT_EQ(params.prompt_logprobs, 20);
  EXPECT_TRUE(read->wants_prompt());
  EXPECT_EQ(read->prompt_text, "abc");
  EXPECT_EQ(params.logit_bias, (std::vector<std::pair<schedule::TokenId, float>>{{3, 2.f}, {65, -1.f}}));
  EXPECT_EQ(read->engine.stop.max_tokens, 20);
  EXPECT_EQ(read->engine.stop.min_tokens, 4);
  EXPECT_TRUE(read->engine.stop.ignore_eos);
  EXPECT_EQ(read->engine.stop.stop_token_ids, std::vector<schedule::TokenId>{66});
  EXPECT_EQ(read->engine.priority, 2);
  EXPECT_EQ(read->engine.prompt, (std::vector<schedule::TokenId>{'a', 'b', 'c', 67}));
  EXPECT_EQ(read->engine.resumed_tokens, 1);
}

// Prompt is one message, and what it can hold is a limit of its own.
TEST_F(RequestReaderTest, ThePromptsLogprobsFitAMessage) {
  model_.description.mutable_limits()->set_max_context(1 << 20);
  model_.description.mutable_limits()->set_kv_tokens(1 << 20);
  GenerateRequest request = TextRequest(std::string(33156, 'a'), 5);
  request.mutable_output()->set_prompt_logprobs(20);
  EXPECT_TRUE(Read(request).ok());
  request.mutable_text()->append("a");
  const absl::Status status = Read(request).status();
  EXPECT_EQ(service::ReasonOf(status), kField);
  EXPECT_EQ(status.message(),
            "output.prompt_logprobs: 20 of 33157 tokens are up to 8388721 bytes, the limit is 8388608");
  request.mutable_output()->set_prompt_logprobs(19);
  EXPECT_TRUE(Read(request).ok());
}

GenerateRequest ChatRequest(const std::string& role, const std::string& content) {
  GenerateRequest request;
  v1::Chat::Message* message = request.mutable_chat()->add_messages();
  message->set_role(role);
  message->set_content(content);
  return request;
}

TEST_F(RequestReaderTest, ChatsGoThroughTheModelsTemplate) {
  DescribeChatTemplate(
      std::string("{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}"
                  "{% if add_generation_prompt %}[assistant]{% endif %}"),
      &model_);
  GenerateRequest request = ChatRequest("user", "Hi");
  request.mutable_output()->set_echo(true);
  absl::StatusOr<ReadRequest> read = Read(request);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->prompt_text, "[user]Hi<|end|>[assistant]");
  EXPECT_EQ(read->engine.prompt, tokenizer_->Encode("[user]Hi<|end|>[assistant]"));
  request.mutable_chat()->set_add_generation_prompt(false);
  EXPECT_EQ(Read(request)->prompt_text, "[user]Hi<|end|>");
}

TEST_F(RequestReaderTest, ATemplatesErrorsNameTheChat) {
  const struct {
    std::string source;
    absl::StatusCode code;
    v1::ErrorReason reason;
    std::string says;
  } cases[] = {
      {"{{ raise_exception('roles must alternate') }}", kInvalid, kField,
       "chat.messages: the model's chat template refuses them: roles must alternate"},
      {"{{ tools.first }}", kUnbuilt, kOption,
       "the model's chat template fails: template line 1: 'tools' is undefined"},
      {"{% include 'x' %}", kUnbuilt, kOption, "template line 1: the statement 'include' is not known"},
      {"{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", kInvalid, kField,
       "the model's chat template gives up"},
  };
  for (const auto& each : cases) {
    DescribeChatTemplate(each.source, &model_);
    const absl::Status status = Read(ChatRequest("user", "Hi")).status();
    EXPECT_EQ(status.code(), each.code) << status;
    EXPECT_EQ(service::ReasonOf(status), each.reason);
    EXPECT_NE(std::string(status.message()).find(each.says), std::string::npos) << status;
  }
  DescribeChatTemplate(std::string("{{ messages[0].content }}"), &model_);
  EXPECT_EQ(service::ReasonOf(Read(ChatRequest("user", std::string(2000, 'x'))).status()),
            v1::ERROR_REASON_PROMPT_TOO_LONG);
  EXPECT_EQ(service::ReasonOf(Read(ChatRequest("user", "")).status()), kField) << "no tokens";
}

}  // namespace
}  // namespace hekla::worker
