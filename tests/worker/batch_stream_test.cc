#include "worker/batch_stream.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "service/runtime/status.h"
#include "tests/support/engine_fake/service_fixture.h"

namespace hekla::worker {
namespace {

using engine::FakeEngineOptions;

struct BatchOutcome {
  absl::Status status;
  std::vector<v1::BatchGenerateResponse::ItemFinished> items;  // as they came
  std::map<uint32_t, std::string> delta_text;                  // by item
  v1::BatchGenerateResponse::Summary summary;
  int summaries = 0;
};

BatchOutcome RunBatch(ServiceFixture* fixture, const v1::BatchGenerateRequest& request) {
  grpc::ClientContext context;
  auto stream = fixture->stub().BatchGenerate(&context, request);
  BatchOutcome outcome;
  v1::BatchGenerateResponse response;
  std::set<uint32_t> ended;
  while (stream->Read(&response)) {
    EXPECT_EQ(outcome.summaries, 0) << "a message after the summary";
    if (response.has_item_finished()) {
      EXPECT_TRUE(ended.insert(response.item_finished().index()).second) << "an item ends twice";
      outcome.items.push_back(response.item_finished());
    } else if (response.has_item_delta()) {
      EXPECT_EQ(ended.count(response.item_delta().index()), 0u) << "a delta after the item's end";
      outcome.delta_text[response.item_delta().index()] += response.item_delta().response().delta().text();
    } else if (response.has_summary()) {
      ++outcome.summaries;
      outcome.summary = response.summary();
    }
  }
  outcome.status = service::FromGrpc(stream->Finish());
  return outcome;
}

v1::BatchGenerateRequest MakeBatch(int items, int tokens) {
  v1::BatchGenerateRequest request;
  request.set_batch_id("b");
  for (int i = 0; i < items; ++i) {
    v1::BatchGenerateRequest::Item* item = request.add_items();
    item->set_tag(absl::StrCat("tag", i));
    *item->mutable_request() = TextRequest(absl::StrCat("prompt ", i), tokens);
    item->mutable_request()->mutable_sampling()->set_seed(i);
  }
  return request;
}

TEST(BatchStreamTest, EveryItemEqualsItsUnaryCall) {
  FakeEngineOptions options;
  options.max_sequences = 4;
  options.max_waiting = 3;  // fewer than the window: items wait for room
  ServiceFixture fixture(options);
  v1::BatchGenerateRequest request = MakeBatch(40, 30);
  const BatchOutcome outcome = RunBatch(&fixture, request);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  ASSERT_EQ(outcome.items.size(), 40u);
  EXPECT_EQ(outcome.summaries, 1);
  EXPECT_EQ(outcome.summary.batch_id(), "b");
  EXPECT_EQ(outcome.summary.items(), 40u);
  EXPECT_EQ(outcome.summary.succeeded(), 40u);
  EXPECT_EQ(outcome.summary.failed(), 0u);
  EXPECT_EQ(outcome.summary.output_tokens(), 40u * 30u);
  for (const auto& item : outcome.items) {
    EXPECT_EQ(item.status().code(), 0) << item.status().message();
    EXPECT_EQ(item.tag(), absl::StrCat("tag", item.index()));
    EXPECT_EQ(item.result().started().request_id(), absl::StrCat("b/", item.index()));
    ASSERT_EQ(item.result().samples_size(), 1);
    EXPECT_EQ(item.result().samples(0).text(),
              fixture.Generate(request.items(item.index()).request()).text());
    EXPECT_EQ(item.result().samples(0).token_ids_size(), 30);
    EXPECT_EQ(item.result().samples(0).finished().reason(), v1::FINISH_REASON_MAX_TOKENS);
  }
  EXPECT_EQ(fixture.engine().Status().running, 0);
}

TEST(BatchStreamTest, ItemsComeInTheOrderOfCompletionAndWithBatchPriority) {
  FakeEngineOptions options;
  options.gated = true;
  ServiceFixture fixture(options);
  v1::BatchGenerateRequest request = MakeBatch(3, 1);
  request.mutable_items(0)->mutable_request()->mutable_stop()->set_max_tokens(9);
  request.mutable_items(1)->mutable_request()->mutable_stop()->set_max_tokens(3);
  request.mutable_items(2)->mutable_request()->mutable_stop()->set_max_tokens(6);
  grpc::ClientContext context;
  auto stream = fixture.stub().BatchGenerate(&context, request);
  ASSERT_TRUE(fixture.engine().AwaitSubmitted(3, absl::Seconds(20)));
  v1::BatchGenerateResponse response;
  for (uint32_t expected : {1u, 2u, 0u}) {
    fixture.engine().Grant(3);
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.item_finished().index(), expected);
  }
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.has_summary());
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(fixture.engine().last_request().priority, 0);
}

TEST(BatchStreamTest, OneBadItemDoesNotFailTheOthers) {
  ServiceFixture fixture;
  v1::BatchGenerateRequest request = MakeBatch(3, 5);
  request.mutable_items(1)->mutable_request()->mutable_sampling()->set_top_p(9);
  request.mutable_items(2)->mutable_request()->set_request_id(
      "b/0");  // a duplicate, or not if item 0 is through
  const BatchOutcome outcome = RunBatch(&fixture, request);
  ASSERT_TRUE(outcome.status.ok());
  ASSERT_EQ(outcome.items.size(), 3u);
  for (const auto& item : outcome.items) {
    if (item.index() == 0) {
      EXPECT_EQ(item.status().code(), 0);
    }
    if (item.index() != 1) continue;
    EXPECT_EQ(service::ReasonOf(service::FromRpc(item.status())), v1::ERROR_REASON_INVALID_FIELD);
  }
  EXPECT_EQ(outcome.summary.succeeded() + outcome.summary.failed(), 3u);
  EXPECT_GE(outcome.summary.failed(), 1u);
}

TEST(BatchStreamTest, StreamedDeltasMakeUpTheResult) {
  ServiceFixture fixture;
  v1::BatchGenerateRequest request = MakeBatch(10, 50);
  request.set_stream_deltas(true);
  const BatchOutcome outcome = RunBatch(&fixture, request);
  ASSERT_EQ(outcome.items.size(), 10u);
  for (const auto& item : outcome.items) {
    EXPECT_EQ(outcome.delta_text.at(item.index()), item.result().samples(0).text());
    EXPECT_EQ(item.result().samples(0).text().size(), 50u);
  }
}

TEST(BatchStreamTest, CancellingTheCallCancelsAllItems) {
  FakeEngineOptions options;
  options.gated = true;
  ServiceFixture fixture(options);
  grpc::ClientContext context;
  auto stream = fixture.stub().BatchGenerate(&context, MakeBatch(100, 1000));
  ASSERT_TRUE(fixture.engine().AwaitSubmitted(16, absl::Seconds(20)));  // two times the sequences
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(fixture.AwaitIdle());
  EXPECT_EQ(fixture.engine().submitted_total(), 16u);
  EXPECT_EQ(fixture.engine().Status().cancelled_total, 16u);
}

TEST(BatchStreamTest, AnItemHasAllItsSamples) {
  FakeEngineOptions options;
  options.mean_length = 40;
  ServiceFixture fixture(options);
  v1::BatchGenerateRequest request = MakeBatch(2, 60);
  request.mutable_items(1)->mutable_request()->mutable_output()->set_n(3);
  const BatchOutcome outcome = RunBatch(&fixture, request);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  ASSERT_EQ(outcome.items.size(), 2u);
  uint64_t tokens = 0;
  for (const auto& item : outcome.items) {
    ASSERT_EQ(item.result().samples_size(), item.index() == 1 ? 3 : 1);
    for (int k = 0; k < item.result().samples_size(); ++k) {
      v1::GenerateRequest single = request.items(item.index()).request();
      single.mutable_output()->clear_n();
      single.set_first_sample_index(k);
      EXPECT_EQ(item.result().samples(k).text(), fixture.Generate(single).text());
      EXPECT_EQ(item.result().samples(k).finished().sample_index(), static_cast<uint32_t>(k));
      tokens += item.result().samples(k).token_ids_size();
    }
  }
  EXPECT_EQ(outcome.summary.output_tokens(), tokens);
}

TEST(BatchStreamTest, ItemsOfASlowReaderAreParkedAndGoOn) {
  FakeEngineOptions options;
  options.max_context = 1 << 16;
  StreamLimits limits;
  limits.max_tokens = 64;
  ServiceFixture fixture(options, limits);
  v1::BatchGenerateRequest request = MakeBatch(3, 4000);
  request.set_stream_deltas(true);
  for (auto& item : *request.mutable_items()) item.mutable_request()->mutable_output()->set_logprobs(20);
  grpc::ClientContext context;
  auto stream = fixture.stub().BatchGenerate(&context, request);
  ASSERT_TRUE(fixture.engine().AwaitParked(3, absl::Seconds(20)));  // without a single read
  v1::BatchGenerateResponse response;
  int ended = 0;
  while (stream->Read(&response)) {
    if (!response.has_item_finished()) continue;
    ++ended;
    const v1::BatchGenerateResponse::ItemFinished& item = response.item_finished();
    EXPECT_EQ(item.status().code(), 0) << item.status().message();
    EXPECT_EQ(item.result().samples(0).text(),
              fixture.Generate(request.items(item.index()).request()).text());
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(ended, 3);
  EXPECT_EQ(fixture.engine().Status().cancelled_total, 0u);
}

TEST(BatchStreamTest, RefusesABadBatch) {
  ServiceFixture fixture;
  EXPECT_EQ(service::ReasonOf(RunBatch(&fixture, v1::BatchGenerateRequest()).status),
            v1::ERROR_REASON_INVALID_FIELD);
  EXPECT_EQ(service::ReasonOf(RunBatch(&fixture, MakeBatch(1025, 1)).status), v1::ERROR_REASON_INVALID_FIELD);
  v1::BatchGenerateRequest request = MakeBatch(1, 1);
  request.mutable_items(0)->set_tag(std::string(129, 'x'));
  EXPECT_EQ(service::ReasonOf(RunBatch(&fixture, request).status), v1::ERROR_REASON_INVALID_FIELD);
}

}  // namespace
}  // namespace hekla::worker
