#include "worker/schedule/admission.h"

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hekla::schedule {
namespace {

using ::testing::HasSubstr;

SchedulerOptions Options() {
  SchedulerOptions options;
  options.max_sequences = 4;
  options.max_context = 100;
  options.max_rows = 16;
  options.max_samples = 4;
  options.kv_blocks = 3;
  options.max_in_flight = 2;
  options.vocabulary = 50;
  options.eos_tokens = {2};
  return options;
}

Request Good() {
  Request request;
  request.id = 1;
  request.prompt = {3, 4, 5};
  request.stop.max_tokens = 10;
  return request;
}

TEST(CheckRequest, TakesWhatJustFits) {
  SchedulerOptions options = Options();
  Request request = Good();
  request.stop.max_tokens = 94;  // 97 tokens, of which 96 need memory: 3 blocks
  EXPECT_TRUE(CheckRequest(request, options).ok()) << CheckRequest(request, options);
  options.kv_blocks = 4;
  request.stop.max_tokens = 97;  // the whole context
  EXPECT_TRUE(CheckRequest(request, options).ok()) << CheckRequest(request, options);
}

TEST(CheckRequest, NamesTheNumberAndTheLimitOfWhatNeverFits) {
  Request request = Good();
  request.stop.max_tokens = 95;
  EXPECT_THAT(CheckRequest(request, Options()).message(),
              HasSubstr("need 4 KV blocks of 32 tokens, there are 3"));
  request.stop.max_tokens = 98;
  EXPECT_THAT(CheckRequest(request, Options()).message(),
              HasSubstr("are 101 tokens together, the context holds 100"));
  request.prompt.assign(100, 7);
  EXPECT_THAT(CheckRequest(request, Options()).message(),
              HasSubstr("the prompt has 100 tokens, the context holds 100"));
  request.stop.max_tokens = std::numeric_limits<int>::max();
  EXPECT_TRUE(absl::IsInvalidArgument(CheckRequest(request, Options())));
}

TEST(CheckRequest, ResumedTokensCountAsOutput) {
  Request request = Good();
  request.prompt.assign(60, 7);
  request.resumed_tokens = 20;
  request.stop.max_tokens = 57;  // 40 + 57 = 97
  EXPECT_TRUE(CheckRequest(request, Options()).ok()) << CheckRequest(request, Options());
  request.stop.max_tokens = 20;
  EXPECT_THAT(CheckRequest(request, Options()).message(), HasSubstr("20 tokens are already produced"));
}

TEST(CheckRequest, RefusesEveryBadField) {
  const struct {
    std::string message;
    std::function<void(Request*)> spoil;
  } cases[] = {
      {"the prompt has no tokens", [](Request* r) { r->prompt.clear(); }},
      {"prompt[1] is 50, the vocabulary has 50", [](Request* r) { r->prompt[1] = 50; }},
      {"prompt[0] is -1", [](Request* r) { r->prompt[0] = -1; }},
      {"resumed_tokens is 3", [](Request* r) { r->resumed_tokens = 3; }},
      {"priority is 3", [](Request* r) { r->priority = 3; }},
      {"max_tokens is 0", [](Request* r) { r->stop.max_tokens = 0; }},
      {"min_tokens is 11", [](Request* r) { r->stop.min_tokens = 11; }},
      {"stop_token_ids[0] is 99", [](Request* r) { r->stop.stop_token_ids = {99}; }},
      {"the limit for both is 16", [](Request* r) { r->stop.stop_token_ids.assign(16, 1); }},
      {"temperature is -1", [](Request* r) { r->sampling.temperature = -1; }},
      {"temperature is not a finite",
       [](Request* r) { r->sampling.temperature = std::numeric_limits<float>::quiet_NaN(); }},
      {"top_k is -1", [](Request* r) { r->sampling.top_k = -1; }},
      {"top_p is 0", [](Request* r) { r->sampling.top_p = 0; }},
      {"min_p is 2", [](Request* r) { r->sampling.min_p = 2; }},
      {"repetition_penalty is 0", [](Request* r) { r->sampling.repetition_penalty = 0; }},
      {"penalty_last_n is -1", [](Request* r) { r->sampling.penalty_last_n = -1; }},
      {"logprobs is 21, the limit is 20", [](Request* r) { r->sampling.logprobs = 21; }},
      {"logit_bias names token 50",
       [](Request* r) {
         r->sampling.logit_bias = {{50, 1.0f}};
       }},
      {"logit_bias of token 5 is inf",
       [](Request* r) {
         r->sampling.logit_bias = {{5, std::numeric_limits<float>::infinity()}};
       }},
      {"logit_bias has 1025 entries, the limit is 1024",
       [](Request* r) {
         r->sampling.logit_bias.assign(1025, {1, 1.0f});
       }},
  };
  for (const auto& one : cases) {
    Request request = Good();
    one.spoil(&request);
    const absl::Status status = CheckRequest(request, Options());
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << one.message;
    EXPECT_THAT(std::string(status.message()), HasSubstr(one.message));
  }
}

TEST(CheckOptions, NamesTheOptionOutOfRange) {
  EXPECT_TRUE(CheckOptions(Options()).ok());
  SchedulerOptions options = Options();
  options.kv_blocks = 0;
  EXPECT_THAT(std::string(CheckOptions(options).message()), HasSubstr("kv_blocks is 0, below 1"));
  options = Options();
  options.eos_tokens = {50};
  EXPECT_THAT(std::string(CheckOptions(options).message()), HasSubstr("eos_tokens[0] is 50"));
}

}  // namespace
}  // namespace hekla::schedule
