// Log probabilities of a prompt through the router: once, in their place, whoever computes them and whoever
// dies.
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include "tests/support/service/fault_table.h"

namespace hekla::service {
namespace {

v1::GenerateRequest Scored() {
  v1::GenerateRequest request = RouterFixture::Request(30);
  request.mutable_output()->set_prompt_logprobs(2);
  return request;
}

void ExpectPrompt(const v1::Prompt& prompt) {
  EXPECT_EQ(prompt.text(), "prompt");
  EXPECT_EQ(prompt.token_ids_size(), 3);
  ASSERT_EQ(prompt.logprobs_size(), 2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(prompt.logprobs(i).logprob(), FakePromptLogprob(i + 1));
    EXPECT_EQ(prompt.logprobs(i).top_size(), 2);
  }
}

void ExpectOnePrompt(const GeneratedStream& stream) {
  ExpectWhole(stream, 30);
  EXPECT_TRUE(stream.prompts_in_place);
  ASSERT_EQ(stream.prompts.size(), 1u);
  ExpectPrompt(stream.prompts[0]);
}

class PromptTakeover : public FaultTable {
 protected:
  // The worker breaks after Started, Prompt if `prompt`, and `tokens`.
  GeneratedStream BreakAfter(bool prompt, uint32_t tokens, const v1::GenerateRequest& request = Scored()) {
    Start();
    return BeginAtBad(
        [prompt, tokens](FakeStream& stream) {
          stream.Start();
          if (prompt) stream.Prompt();
          stream.Tokens(tokens);
          return grpc::Status(grpc::StatusCode::UNAVAILABLE, "broken");
        },
        [] {}, request);
  }
  bool GoodWasAsked() const {
    const std::vector<v1::GenerateRequest> requests = good_->requests();
    EXPECT_EQ(requests.size(), 1u);
    return requests.at(0).output().has_prompt_logprobs();
  }
};

TEST_F(PromptTakeover, WithoutAFault) {
  Start();
  const auto worker = fixture_->AddWorker("w0");
  ExpectOnePrompt(fixture_->Generate(Scored()));
}

TEST_F(PromptTakeover, BeforeThePromptTheNextWorkerGivesIt) {
  ExpectOnePrompt(BreakAfter(false, 0));
  EXPECT_TRUE(GoodWasAsked());
}

TEST_F(PromptTakeover, BetweenPromptAndFirstTokenItIsNotComputedAgain) {
  ExpectOnePrompt(BreakAfter(true, 0));
  EXPECT_FALSE(GoodWasAsked());
}

TEST_F(PromptTakeover, AfterTokensItIsNotComputedAgain) {
  ExpectOnePrompt(BreakAfter(true, 7));
  EXPECT_FALSE(GoodWasAsked());
}

TEST_F(PromptTakeover, AnEchoThatComesAgainStopsHere) {
  v1::GenerateRequest request = Scored();
  request.mutable_output()->set_echo(true);
  ExpectOnePrompt(BreakAfter(true, 7, request));
}

TEST_F(PromptTakeover, ABatchsResultHasThePrompt) {
  Start();
  const auto worker = fixture_->AddWorker("w0");
  v1::BatchGenerateRequest request;
  for (int i = 0; i < 3; ++i) *request.add_items()->mutable_request() = Scored();
  grpc::ClientContext context;
  const auto stream = fixture_->stub().BatchGenerate(&context, request);
  v1::BatchGenerateResponse response;
  int finished = 0;
  while (stream->Read(&response)) {
    if (!response.has_item_finished()) continue;
    ++finished;
    ExpectPrompt(response.item_finished().result().prompt());
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(finished, 3);
}

}  // namespace
}  // namespace hekla::service
