#include "worker/generate_stream.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "service/runtime/status.h"
#include "tests/support/engine_fake/byte_vocabulary.h"
#include "tests/support/engine_fake/service_fixture.h"

namespace hekla::worker {
namespace {

using engine::FakeEngineOptions;

TEST(GenerateStreamTest, StreamsAWholeTextInOrder) {
  ServiceFixture fixture;
  v1::GenerateRequest request = TextRequest("Once upon a time", 200);
  request.set_request_id("r1");
  request.mutable_sampling()->set_seed(7);
  const Outcome outcome = fixture.Generate(request);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.broken_rule, "");
  EXPECT_EQ(outcome.started.request_id(), "r1");
  EXPECT_EQ(outcome.started.model(), "bytes");
  EXPECT_EQ(outcome.started.weights_hash(), "fake-weights");
  EXPECT_EQ(outcome.started.seed(), 7u);
  EXPECT_EQ(outcome.started.prompt_tokens(), 16u);
  EXPECT_EQ(outcome.started.stop().max_tokens(), 200u);
  EXPECT_EQ(outcome.started.sampling().temperature(), 1);
  EXPECT_EQ(outcome.ids().size(), 200u);
  EXPECT_EQ(outcome.text().size(), 200u);
  EXPECT_EQ(outcome.finished.reason(), v1::FINISH_REASON_MAX_TOKENS);
  EXPECT_EQ(outcome.finished.usage().output_tokens(), 200u);
  EXPECT_EQ(outcome.finished.usage().prompt_tokens(), 16u);
  EXPECT_TRUE(fixture.AwaitIdle());
}

TEST(GenerateStreamTest, OutputOptionsAreObeyed) {
  ServiceFixture fixture;
  v1::GenerateRequest request = TextRequest("abc", 10);
  request.mutable_output()->set_text(false);
  request.mutable_output()->set_logprobs(2);
  Outcome outcome = fixture.Generate(request);
  EXPECT_EQ(outcome.text(), "");
  EXPECT_EQ(outcome.ids().size(), 10u);
  int logprobs = 0;
  for (const v1::Delta& delta : outcome.deltas) {
    logprobs += delta.logprobs_size();
    for (const v1::TokenLogprob& logprob : delta.logprobs()) EXPECT_EQ(logprob.top_size(), 2);
  }
  EXPECT_EQ(logprobs, 10);
  request = TextRequest("abc", 10);
  request.mutable_output()->set_token_ids(false);
  outcome = fixture.Generate(request);
  EXPECT_EQ(outcome.ids().size(), 0u);
  EXPECT_EQ(outcome.text().size(), 10u);
  EXPECT_EQ(outcome.broken_rule, "");
}

TEST(GenerateStreamTest, CoalescingHoldsDeltasBack) {
  ServiceFixture fixture;
  v1::GenerateRequest request = TextRequest("abc", 100);
  request.mutable_output()->set_coalesce_tokens(30);
  const Outcome outcome = fixture.Generate(request);
  EXPECT_EQ(outcome.broken_rule, "");
  EXPECT_EQ(outcome.ids().size(), 100u);
  for (size_t i = 0; i + 1 < outcome.deltas.size(); ++i) EXPECT_GE(outcome.deltas[i].token_count(), 30u);
}

TEST(GenerateStreamTest, CoalesceDelayReleasesATokenThatStaysAlone) {
  FakeEngineOptions options;
  options.gated = true;
  ServiceFixture fixture(options);
  v1::GenerateRequest request = TextRequest("abc", 2);
  request.mutable_output()->mutable_coalesce_delay()->set_nanos(20'000'000);
  grpc::ClientContext context;
  auto stream = fixture.stub().Generate(&context, request);
  fixture.engine().Grant(1);
  v1::GenerateResponse response;
  while (stream->Read(&response) && !response.has_delta()) {
  }
  EXPECT_EQ(response.delta().token_count(), 1u);
  fixture.engine().Grant(1);
  while (stream->Read(&response)) {
  }
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(GenerateStreamTest, EchoSendsThePromptOnce) {
  ServiceFixture fixture;
  v1::GenerateRequest request = TextRequest("h\xC3\xA9!", 3);
  request.mutable_output()->set_echo(true);
  grpc::ClientContext context;
  auto stream = fixture.stub().Generate(&context, request);
  std::vector<int> order;
  v1::GenerateResponse response;
  while (stream->Read(&response)) {
    order.push_back(response.event_case());
    if (!response.has_prompt()) continue;
    EXPECT_EQ(response.prompt().text(), "h\xC3\xA9!");
    EXPECT_EQ(response.prompt().token_ids_size(), 4);
  }
  ASSERT_TRUE(stream->Finish().ok());
  ASSERT_GE(order.size(), 3u);
  EXPECT_EQ(order[0], v1::GenerateResponse::kStarted);
  EXPECT_EQ(order[1], v1::GenerateResponse::kPrompt);
  EXPECT_EQ(order[2], v1::GenerateResponse::kDelta);
}

TEST(GenerateStreamTest, StopStringsAcrossTokensEndTheEngineToo) {
  FakeEngineOptions options;
  options.echo_prompt = true;  // the output is the prompt, a byte a token
  options.gated = true;
  ServiceFixture fixture(options);
  v1::GenerateRequest request = TextRequest("one. two. three. four.", 1000);
  request.mutable_stop()->add_stop_strings("three");
  fixture.engine().Grant(16);  // past the match, not to the end: only a cancel ends the request in the engine
  const Outcome outcome = fixture.Generate(request);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.text(), "one. two. ");
  EXPECT_EQ(outcome.finished.reason(), v1::FINISH_REASON_STOP_STRING);
  EXPECT_EQ(outcome.finished.matched_stop(), "three");
  EXPECT_TRUE(fixture.AwaitIdle());
  EXPECT_EQ(fixture.engine().Status().cancelled_total, 1u);
}

TEST(GenerateStreamTest, CharactersAreNeverSplit) {
  FakeEngineOptions options;
  options.echo_prompt = true;
  ServiceFixture fixture(options);
  const std::string text = "\xE2\x82\xAC\xC3\xA9\xF0\x9F\x98\x80 and a\xCC\x88";
  const Outcome outcome = fixture.Generate(TextRequest(text, 100));
  EXPECT_EQ(outcome.broken_rule, "");
  EXPECT_EQ(outcome.text(), text);
  EXPECT_EQ(outcome.finished.reason(), v1::FINISH_REASON_EOS);
  EXPECT_EQ(outcome.finished.matched_token(), static_cast<uint32_t>(text::kByteEos));
}

TEST(GenerateStreamTest, ResumedStreamGoesOnExactlyWhereItWas) {
  FakeEngineOptions options;
  options.mean_length = 60;
  ServiceFixture fixture(options);
  v1::GenerateRequest request = TextRequest("abc", 120);
  request.mutable_sampling()->set_seed(11);
  request.mutable_stop()->add_stop_strings("qqqq");
  const Outcome whole = fixture.Generate(request);
  ASSERT_TRUE(whole.status.ok()) << whole.status;
  const std::vector<uint32_t> ids = whole.ids();
  for (size_t cut : {size_t{1}, ids.size() / 2, ids.size() - 1, ids.size()}) {
    SCOPED_TRACE(cut);
    v1::GenerateRequest resumed = request;
    for (size_t i = 0; i < cut; ++i) resumed.add_resume_token_ids(ids[i]);
    const Outcome rest = fixture.Generate(resumed);
    ASSERT_TRUE(rest.status.ok()) << rest.status;
    EXPECT_EQ(rest.broken_rule, "");
    EXPECT_EQ(rest.ids(), std::vector<uint32_t>(ids.begin() + cut, ids.end()));
    EXPECT_EQ(rest.finished.reason(), whole.finished.reason());
    EXPECT_EQ(rest.finished.usage().output_tokens(), ids.size());
    EXPECT_EQ(rest.finished.usage().prompt_tokens(), 3u);
  }
}

struct SampleOutcome {
  std::string text;
  std::vector<uint32_t> ids;
  v1::Finished finished;
  int finishes = 0;
};

// All of a stream by sample, with its rules checked.
std::vector<SampleOutcome> ReadSamples(grpc::ClientReader<v1::GenerateResponse>* stream, int n) {
  std::vector<SampleOutcome> samples(n);
  v1::GenerateResponse response;
  while (stream->Read(&response)) {
    if (response.has_delta()) {
      SampleOutcome& sample = samples.at(response.delta().sample_index());
      EXPECT_EQ(response.delta().token_offset(), sample.ids.size());
      EXPECT_EQ(sample.finishes, 0) << "a delta after the sample's end";
      sample.text += response.delta().text();
      sample.ids.insert(sample.ids.end(), response.delta().token_ids().begin(),
                        response.delta().token_ids().end());
    } else if (response.has_finished()) {
      SampleOutcome& sample = samples.at(response.finished().sample_index());
      ++sample.finishes;
      sample.finished = response.finished();
    }
  }
  return samples;
}

TEST(GenerateStreamTest, SamplesEqualSingleRequestsOfTheirIndex) {
  FakeEngineOptions options;
  options.mean_length = 60;
  options.max_sequences = 3;  // fewer than samples: the last ones wait
  ServiceFixture fixture(options);
  v1::GenerateRequest request = TextRequest("abc", 100);
  request.mutable_sampling()->set_seed(7);
  request.set_first_sample_index(10);
  request.mutable_stop()->add_stop_strings("ab");
  request.mutable_output()->set_n(8);
  grpc::ClientContext context;
  auto stream = fixture.stub().Generate(&context, request);
  const std::vector<SampleOutcome> samples = ReadSamples(stream.get(), 8);
  ASSERT_TRUE(stream->Finish().ok());
  std::set<std::string> texts;
  std::set<int> reasons;
  for (int k = 0; k < 8; ++k) {
    SCOPED_TRACE(k);
    v1::GenerateRequest single = request;
    single.mutable_output()->clear_n();
    single.set_first_sample_index(10 + k);
    const Outcome alone = fixture.Generate(single);
    EXPECT_EQ(samples[k].text, alone.text());
    EXPECT_EQ(samples[k].ids, alone.ids());
    EXPECT_EQ(samples[k].finishes, 1);
    EXPECT_EQ(samples[k].finished.reason(), alone.finished.reason());
    EXPECT_EQ(samples[k].finished.matched_stop(), alone.finished.matched_stop());
    EXPECT_EQ(samples[k].finished.usage().output_tokens(), alone.finished.usage().output_tokens());
    EXPECT_EQ(samples[k].finished.usage().prompt_tokens(), 3u);
    texts.insert(samples[k].text);
    reasons.insert(samples[k].finished.reason());
  }
  EXPECT_EQ(texts.size(), 8u);
  EXPECT_GT(reasons.size(), 1u) << "each has an end of its own";
  EXPECT_TRUE(fixture.AwaitIdle());
}

TEST(GenerateStreamTest, CancellingCancelsEverySample) {
  FakeEngineOptions options;
  options.gated = true;
  ServiceFixture fixture(options);
  v1::GenerateRequest request = TextRequest("abc", 100);
  request.mutable_output()->set_n(5);
  grpc::ClientContext context;
  auto stream = fixture.stub().Generate(&context, request);
  ASSERT_TRUE(fixture.engine().AwaitSubmitted(5, absl::Seconds(20)));
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(fixture.AwaitIdle());
  EXPECT_EQ(fixture.engine().Status().cancelled_total, 5u);
}

TEST(GenerateStreamTest, SamplesThatFindNoRoomLeaveNothingBehind) {
  FakeEngineOptions options;
  options.gated = true;
  options.max_sequences = 1;
  options.max_waiting = 3;
  ServiceFixture fixture(options);
  grpc::ClientContext context;
  auto running = fixture.stub().Generate(&context, TextRequest("a", 1));
  v1::GenerateResponse response;
  ASSERT_TRUE(running->Read(&response));  // Started: it runs
  v1::GenerateRequest two = TextRequest("b", 1), three = TextRequest("c", 1);
  two.mutable_output()->set_n(2);
  three.mutable_output()->set_n(2);
  grpc::ClientContext waiting_context;
  auto waiting = fixture.stub().Generate(&waiting_context, two);
  ASSERT_TRUE(fixture.engine().AwaitSubmitted(3, absl::Seconds(20)));
  EXPECT_EQ(service::ReasonOf(fixture.Generate(three).status), v1::ERROR_REASON_QUEUE_FULL);
  fixture.engine().Grant(3);
  while (waiting->Read(&response)) {
  }
  EXPECT_TRUE(waiting->Finish().ok());
  while (running->Read(&response)) {
  }
  EXPECT_TRUE(fixture.AwaitIdle());
  EXPECT_EQ(fixture.service().inflight().size(), 0);
}

TEST(GenerateStreamTest, KeepaliveComesWhileNothingElseDoes) {
  FakeEngineOptions options;
  options.gated = true;
  ServiceFixture fixture(options);
  grpc::ClientContext context;
  auto stream = fixture.stub().Generate(&context, TextRequest("abc", 3));
  v1::GenerateResponse response;
  ASSERT_TRUE(stream->Read(&response));
  ASSERT_TRUE(response.has_started());
  ASSERT_TRUE(stream->Read(&response));
  ASSERT_TRUE(response.has_keepalive()) << response.ShortDebugString();
  EXPECT_EQ(response.keepalive().phase(), v1::Keepalive::PREFILL);
  EXPECT_EQ(response.keepalive().prefill_total(), 3u);
}

}  // namespace
}  // namespace hekla::worker
