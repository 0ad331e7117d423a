// Log probabilities of the prompt on their way from the engine to the client: complete, once, before any
// delta.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "service/runtime/status.h"
#include "tests/support/engine_fake/byte_vocabulary.h"
#include "tests/support/engine_fake/service_fixture.h"
#include "worker/generation.h"

namespace hekla::worker {
namespace {

using engine::FakeEngine;
using engine::FakeEngineOptions;
using Response = v1::GenerateResponse;

v1::GenerateRequest Scored(const std::string& text, int max_tokens, uint32_t count) {
  v1::GenerateRequest request = TextRequest(text, max_tokens);
  request.mutable_output()->set_prompt_logprobs(count);
  return request;
}

// All messages of a stream, keepalives left out.
std::vector<Response> ReadAll(grpc::ClientReader<Response>* stream) {
  std::vector<Response> all;
  Response response;
  while (stream->Read(&response)) {
    if (!response.has_keepalive()) all.push_back(response);
  }
  return all;
}

std::vector<Response> Generate(ServiceFixture* fixture, const v1::GenerateRequest& request) {
  grpc::ClientContext context;
  const auto stream = fixture->stub().Generate(&context, request);
  const std::vector<Response> all = ReadAll(stream.get());
  EXPECT_TRUE(stream->Finish().ok());
  return all;
}

void ExpectPrompt(const v1::Prompt& prompt, const std::string& text, int count) {
  EXPECT_EQ(prompt.text(), text);
  schedule::Request request;
  for (char c : text) request.prompt.push_back(static_cast<unsigned char>(c));
  ASSERT_EQ(prompt.token_ids_size(), static_cast<int>(text.size()));
  ASSERT_EQ(prompt.logprobs_size(), static_cast<int>(text.size()) - 1);
  for (int i = 0; i < prompt.logprobs_size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(prompt.logprobs(i).token_id(), prompt.token_ids(i + 1));
    EXPECT_EQ(prompt.logprobs(i).logprob(), FakeEngine::PromptLogprobAt(request, i + 1));
    EXPECT_EQ(prompt.logprobs(i).top_size(), count);
  }
}

// Started, then the one Prompt, then what the samples say.
void ExpectOrder(const std::vector<Response>& all) {
  ASSERT_GE(all.size(), 3u);
  EXPECT_TRUE(all[0].has_started());
  EXPECT_TRUE(all[1].has_prompt());
  for (size_t i = 2; i < all.size(); ++i) EXPECT_TRUE(all[i].has_delta() || all[i].has_finished()) << i;
}

TEST(PromptLogprobsTest, ComeInOnePromptBeforeTheFirstDelta) {
  FakeEngineOptions options;
  options.score_chunk = 4;
  ServiceFixture fixture(options);
  const std::vector<Response> all = Generate(&fixture, Scored("Once upon a time", 5, 3));
  ExpectOrder(all);
  ExpectPrompt(all[1].prompt(), "Once upon a time", 3);
  EXPECT_TRUE(fixture.AwaitIdle());
}

TEST(PromptLogprobsTest, ThePromptWaitsForThem) {
  FakeEngineOptions options;
  options.gated = true;
  options.score_chunk = 2;
  ServiceFixture fixture(options);
  v1::GenerateRequest request = Scored("abcd", 2, 0);  // three of them, so two steps
  request.mutable_output()->set_echo(true);
  grpc::ClientContext context;
  const auto stream = fixture.stub().Generate(&context, request);
  Response response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.has_started());
  fixture.engine().Grant(1);
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.has_keepalive()) << response.ShortDebugString();
  fixture.engine().Grant(1);
  while (response.has_keepalive()) ASSERT_TRUE(stream->Read(&response));
  ExpectPrompt(response.prompt(), "abcd", 0);
  fixture.engine().Grant(2);
  for (const Response& each : ReadAll(stream.get())) EXPECT_TRUE(each.has_delta() || each.has_finished());
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(PromptLogprobsTest, EchoAloneDoesNotWait) {
  FakeEngineOptions options;
  options.gated = true;
  ServiceFixture fixture(options);
  v1::GenerateRequest request = TextRequest("abcd", 2);
  request.mutable_output()->set_echo(true);
  grpc::ClientContext context;
  const auto stream = fixture.stub().Generate(&context, request);
  Response response;
  ASSERT_TRUE(stream->Read(&response));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.prompt().text(), "abcd");
  EXPECT_EQ(response.prompt().logprobs_size(), 0);
}

TEST(PromptLogprobsTest, OfOneTokenThereAreNone) {
  ServiceFixture fixture;
  const std::vector<Response> all = Generate(&fixture, Scored("a", 3, 5));
  ExpectOrder(all);
  ExpectPrompt(all[1].prompt(), "a", 5);
}

// The other samples draw while the first one's prompt is still scored; what they say waits.
TEST(PromptLogprobsTest, OneOfTheSamplesGivesThemAndAllWait) {
  FakeEngineOptions options;
  options.gated = true;
  options.score_chunk = 1;
  ServiceFixture fixture(options);
  v1::GenerateRequest request = Scored("abcdefghij", 4, 1);
  request.mutable_sampling()->set_seed(7);
  request.mutable_output()->set_n(3);
  request.mutable_output()->mutable_coalesce_delay()->set_nanos(1000);
  grpc::ClientContext context;
  const auto stream = fixture.stub().Generate(&context, request);
  std::vector<Response> all(1);
  ASSERT_TRUE(stream->Read(&all[0]));
  ASSERT_TRUE(fixture.engine().AwaitSubmitted(3, absl::Seconds(20)));
  fixture.engine().Grant(5);
  Response response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.has_keepalive()) << response.ShortDebugString();
  fixture.engine().Grant(100);
  for (const Response& each : ReadAll(stream.get())) all.push_back(each);
  EXPECT_TRUE(stream->Finish().ok());
  ExpectOrder(all);
  ExpectPrompt(all[1].prompt(), "abcdefghij", 1);
  EXPECT_EQ(fixture.engine().last_request().sampling.prompt_logprobs, -1) << "the last sample's";
  std::vector<std::string> texts(3);
  int finished = 0;
  for (const Response& each : all) {
    texts[each.delta().sample_index()] += each.delta().text();
    finished += each.has_finished();
  }
  EXPECT_EQ(finished, 3);
  for (uint32_t k = 0; k < 3; ++k) {
    v1::GenerateRequest single = TextRequest("abcdefghij", 4);
    single.mutable_sampling()->set_seed(7);
    single.set_first_sample_index(k);
    EXPECT_EQ(texts[k], fixture.Generate(single).text());
  }
}

TEST(PromptLogprobsTest, AResumedStreamGivesThoseOfThePromptOnly) {
  ServiceFixture fixture;
  v1::GenerateRequest request = Scored("abcdef", 6, 2);
  for (uint32_t id : {'x', 'y'}) request.add_resume_token_ids(id);
  const std::vector<Response> all = Generate(&fixture, request);
  ExpectOrder(all);
  ExpectPrompt(all[1].prompt(), "abcdef", 2);
}

TEST(PromptLogprobsTest, ComeAlsoWhenTheResumedIdsHoldTheEnd) {
  ServiceFixture fixture;
  v1::GenerateRequest request = Scored("abcdef", 2, 2);
  for (uint32_t id : {'x', 'y'}) request.add_resume_token_ids(id);
  const std::vector<Response> all = Generate(&fixture, request);
  ASSERT_EQ(all.size(), 3u);
  ExpectPrompt(all[1].prompt(), "abcdef", 2);
  EXPECT_EQ(all[2].finished().reason(), v1::FINISH_REASON_MAX_TOKENS);
  EXPECT_EQ(all[2].finished().usage().output_tokens(), 2u);
  EXPECT_TRUE(fixture.AwaitIdle());
}

TEST(PromptLogprobsTest, AnEngineThatDiesBeforeThemEndsTheStreamWithoutAPrompt) {
  FakeEngineOptions options;
  options.fault.kind = engine::FakeFault::kDie;
  options.fault.marker = {'!'};
  for (const bool holds_the_end : {false, true}) {
    ServiceFixture fixture(options);
    v1::GenerateRequest request = Scored("abc!", 1, 2);
    if (holds_the_end) request.add_resume_token_ids('x');
    grpc::ClientContext context;
    const auto stream = fixture.stub().Generate(&context, request);
    EXPECT_LE(ReadAll(stream.get()).size(), 1u) << "Started";
    EXPECT_EQ(service::ReasonOf(service::FromGrpc(stream->Finish())), v1::ERROR_REASON_DEVICE_LOST);
  }
}

TEST(PromptLogprobsTest, ABatchsResultHasThem) {
  FakeEngineOptions options;
  options.score_chunk = 2;
  ServiceFixture fixture(options);
  for (const bool stream_deltas : {false, true}) {
    SCOPED_TRACE(stream_deltas);
    v1::BatchGenerateRequest request;
    request.set_stream_deltas(stream_deltas);
    *request.add_items()->mutable_request() = Scored("first prompt", 5, 0);
    *request.add_items()->mutable_request() = Scored("second", 5, 20);
    request.mutable_items(1)->mutable_request()->mutable_output()->set_n(2);
    grpc::ClientContext context;
    const auto stream = fixture.stub().BatchGenerate(&context, request);
    v1::BatchGenerateResponse response;
    std::vector<Response> streamed[2];
    int finished = 0;
    while (stream->Read(&response)) {
      if (response.has_item_delta())
        streamed[response.item_delta().index()].push_back(response.item_delta().response());
      if (!response.has_item_finished()) continue;
      const v1::BatchGenerateResponse::ItemFinished& item = response.item_finished();
      ++finished;
      EXPECT_EQ(item.status().code(), 0) << item.status().message();
      ExpectPrompt(item.result().prompt(), item.index() == 0 ? "first prompt" : "second",
                   item.index() == 0 ? 0 : 20);
      EXPECT_EQ(item.result().samples(0).token_ids_size(), 5);
      if (stream_deltas) ExpectOrder(streamed[item.index()]);
    }
    EXPECT_TRUE(stream->Finish().ok());
    EXPECT_EQ(finished, 2);
  }
}

TEST(PromptLogprobsTest, MoreThanThePromptHasTokensIsTheEnginesFault) {
  const auto tokenizer = text::MakeByteTokenizer();
  engine::Limits limits;
  limits.max_context = 100;
  limits.kv_blocks = 10;
  const ServedModel model = MakeByteModel(*tokenizer, limits, 8);
  const absl::StatusOr<ReadRequest> read =
      ReadGenerateRequest(Scored("abc", 5, 0), model, v1::PRIORITY_NORMAL);
  ASSERT_TRUE(read.ok()) << read.status();
  Generation generation(&*read, &model);
  EXPECT_FALSE(generation.prompt_is_whole());
  engine::TokenEvent event;
  event.prompt_logprobs = {-1, -2};
  event.prompt_top_logprobs.resize(2);
  ASSERT_TRUE(generation.OnEvent(event).ok());
  EXPECT_TRUE(generation.prompt_is_whole());
  EXPECT_EQ(generation.OnEvent(event).code(), absl::StatusCode::kInternal);
  v1::Prompt prompt;
  generation.TakePrompt(&prompt);
  EXPECT_EQ(prompt.logprobs_size(), 2);
  Generation second(&*read, &model, /*sample=*/1);
  EXPECT_TRUE(second.prompt_is_whole());
}

}  // namespace
}  // namespace hekla::worker
