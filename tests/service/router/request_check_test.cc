#include "service/router/request_check.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "service/runtime/status.h"

namespace hekla::service {
namespace {

v1::GenerateRequest Good() {
  v1::GenerateRequest request;
  request.set_text("hello");
  return request;
}

TEST(RequestCheckTest, AcceptsAPlainRequest) { EXPECT_TRUE(CheckRequest(Good()).ok()); }

struct BadField {
  const char* field;
  std::function<void(v1::GenerateRequest&)> spoil;
};

TEST(RequestCheckTest, NamesTheFieldTheValueAndTheLimit) {
  const BadField cases[] = {
      {"request_id", [](auto& r) { r.set_request_id(std::string(129, 'x')); }},
      {"prompt", [](auto& r) { r.clear_text(); }},
      {"token_ids.ids", [](auto& r) { r.mutable_token_ids(); }},
      {"chat.messages", [](auto& r) { r.mutable_chat(); }},
      {"priority", [](auto& r) { r.set_priority(static_cast<v1::Priority>(9)); }},
      {"sampling.temperature", [](auto& r) { r.mutable_sampling()->set_temperature(-0.5f); }},
      {"sampling.temperature",
       [](auto& r) { r.mutable_sampling()->set_temperature(std::numeric_limits<float>::quiet_NaN()); }},
      {"sampling.top_p", [](auto& r) { r.mutable_sampling()->set_top_p(0); }},
      {"sampling.min_p", [](auto& r) { r.mutable_sampling()->set_min_p(1); }},
      {"sampling.repetition_penalty", [](auto& r) { r.mutable_sampling()->set_repetition_penalty(0); }},
      {"sampling.presence_penalty", [](auto& r) { r.mutable_sampling()->set_presence_penalty(-101); }},
      {"sampling.logit_bias[5]",
       [](auto& r) {
         (*r.mutable_sampling()->mutable_logit_bias())[5] = std::numeric_limits<float>::infinity();
       }},
      {"sampling.logit_bias",
       [](auto& r) {
         for (uint32_t i = 0; i < 1025; ++i) (*r.mutable_sampling()->mutable_logit_bias())[i] = 1;
       }},
      {"stop.max_tokens", [](auto& r) { r.mutable_stop()->set_max_tokens(0); }},
      {"stop.min_tokens",
       [](auto& r) { r.mutable_stop()->set_max_tokens(2), r.mutable_stop()->set_min_tokens(3); }},
      {"stop.stop_strings[0]", [](auto& r) { r.mutable_stop()->add_stop_strings(""); }},
      {"stop.stop_strings[0]", [](auto& r) { r.mutable_stop()->add_stop_strings(std::string(257, 's')); }},
      {"stop.stop_strings",
       [](auto& r) {
         for (int i = 0; i < 17; ++i) r.mutable_stop()->add_stop_strings("x");
       }},
      {"output.n", [](auto& r) { r.mutable_output()->set_n(0); }},
      {"output.n", [](auto& r) { r.mutable_output()->set_n(17); }},
      {"output.logprobs", [](auto& r) { r.mutable_output()->set_logprobs(21); }},
      {"output.prompt_logprobs", [](auto& r) { r.mutable_output()->set_prompt_logprobs(21); }},
      {"output.coalesce_delay",
       [](auto& r) { r.mutable_output()->mutable_coalesce_delay()->set_seconds(2); }},
      {"queue_timeout", [](auto& r) { r.mutable_queue_timeout()->set_seconds(-1); }},
      {"session.id", [](auto& r) { r.mutable_session()->set_id(std::string(129, 'x')); }},
  };
  for (const BadField& each : cases) {
    v1::GenerateRequest request = Good();
    each.spoil(request);
    const absl::Status status = CheckRequest(request);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << each.field;
    EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_INVALID_FIELD);
    ASSERT_EQ(BadRequestOf(status).field_violations_size(), 1) << status;
    EXPECT_EQ(BadRequestOf(status).field_violations(0).field(), each.field);
    EXPECT_NE(status.message().find(each.field), absl::string_view::npos);
  }
}

TEST(RequestCheckTest, ReportsEveryBadFieldAtOnce) {
  v1::GenerateRequest request = Good();
  request.mutable_sampling()->set_top_p(2);
  request.mutable_output()->set_n(100);
  EXPECT_EQ(BadRequestOf(CheckRequest(request)).field_violations_size(), 2);
}

TEST(RequestCheckTest, RefusesWhatCanNeverFit) {
  v1::Model model;
  model.set_vocabulary_size(50);
  model.mutable_limits()->set_max_context(10);
  v1::GenerateRequest request;
  for (uint32_t i = 0; i < 6; ++i) request.mutable_token_ids()->add_ids(i);
  EXPECT_TRUE(CheckFits(request, model).ok());
  request.mutable_stop()->set_max_tokens(4);
  EXPECT_TRUE(CheckFits(request, model).ok());
  request.mutable_stop()->set_max_tokens(5);
  absl::Status status = CheckFits(request, model);
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_NEVER_FITS);
  EXPECT_EQ(ErrorInfoOf(status).metadata().at("limit"), "10");
  for (uint32_t i = 0; i < 4; ++i) request.mutable_token_ids()->add_ids(i);
  EXPECT_EQ(ReasonOf(CheckFits(request, model)), v1::ERROR_REASON_PROMPT_TOO_LONG);
  request.mutable_token_ids()->set_ids(2, 50);
  status = CheckFits(request, model);
  EXPECT_EQ(BadRequestOf(status).field_violations(0).field(), "token_ids.ids[2]");
  v1::GenerateRequest biased = Good();
  (*biased.mutable_sampling()->mutable_logit_bias())[50] = 1;
  EXPECT_EQ(BadRequestOf(CheckFits(biased, model)).field_violations(0).field(), "sampling.logit_bias[50]");
}

TEST(RequestCheckTest, Batches) {
  v1::BatchGenerateRequest batch;
  EXPECT_TRUE(absl::IsInvalidArgument(CheckBatch(batch)));
  for (int i = 0; i < kMaxBatchItems; ++i) batch.add_items();
  EXPECT_TRUE(CheckBatch(batch).ok());
  batch.add_items();
  EXPECT_TRUE(absl::IsInvalidArgument(CheckBatch(batch)));
}

}  // namespace
}  // namespace hekla::service
