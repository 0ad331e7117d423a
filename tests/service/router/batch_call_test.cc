#include "service/router/batch_call.h"

#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "service/runtime/status.h"
#include "tests/support/service/fake_worker.h"
#include "tests/support/service/router_fixture.h"

namespace hekla::service {
namespace {

struct BatchOutcome {
  absl::Status status;
  std::vector<uint32_t> order;
  std::map<uint32_t, v1::BatchGenerateResponse::ItemFinished> items;
  std::map<uint32_t, std::string> delta_text;
  v1::BatchGenerateResponse::Summary summary;
  int summaries = 0;
};

BatchOutcome RunBatchCall(
    RouterFixture& fixture, const v1::BatchGenerateRequest& request,
    const std::function<void(uint32_t)>& on_item = [](uint32_t) {}) {
  BatchOutcome outcome;
  grpc::ClientContext context;
  const auto stream = fixture.stub().BatchGenerate(&context, request);
  v1::BatchGenerateResponse response;
  while (stream->Read(&response)) {
    EXPECT_EQ(outcome.summaries, 0) << "the summary is last";
    if (response.has_item_finished()) {
      outcome.order.push_back(response.item_finished().index());
      outcome.items[response.item_finished().index()] = response.item_finished();
      on_item(response.item_finished().index());
    } else if (response.has_item_delta()) {
      outcome.delta_text[response.item_delta().index()] += response.item_delta().response().delta().text();
    } else if (response.has_summary()) {
      outcome.summary = response.summary();
      ++outcome.summaries;
    }
  }
  outcome.status = FromGrpc(stream->Finish());
  return outcome;
}

v1::BatchGenerateRequest MakeBatch(int items, uint32_t tokens) {
  v1::BatchGenerateRequest request;
  for (int i = 0; i < items; ++i) {
    v1::BatchGenerateRequest::Item& item = *request.add_items();
    item.set_tag(absl::StrCat("tag", i));
    *item.mutable_request() = RouterFixture::Request(tokens, static_cast<uint64_t>(i));
  }
  return request;
}

TEST(BatchCallTest, SpreadsItemsAndReportsEach) {
  RouterFixture fixture;
  const auto w0 = fixture.AddWorker("w0"), w1 = fixture.AddWorker("w1");
  const BatchOutcome outcome = RunBatchCall(fixture, MakeBatch(100, 10));
  ASSERT_TRUE(outcome.status.ok()) << outcome.status;
  ASSERT_EQ(outcome.items.size(), 100u);
  for (const auto& [index, item] : outcome.items) {
    EXPECT_EQ(item.status().code(), 0);
    EXPECT_EQ(item.tag(), absl::StrCat("tag", index));
    ASSERT_EQ(item.result().samples_size(), 1);
    EXPECT_EQ(item.result().samples(0).text(), FakeText(index, 0, 10));
    EXPECT_EQ(item.result().samples(0).finished().reason(), v1::FINISH_REASON_MAX_TOKENS);
  }
  EXPECT_EQ(outcome.summary.succeeded(), 100u);
  EXPECT_EQ(outcome.summary.output_tokens(), 1000u);
  EXPECT_GT(w0->calls(), 10);
  EXPECT_GT(w1->calls(), 10);
  EXPECT_EQ(w0->requests()[0].priority(), v1::PRIORITY_BATCH);
}

TEST(BatchCallTest, OneBadItemDoesNotFailTheOthers) {
  RouterFixture fixture;
  const auto worker = fixture.AddWorker("w0");
  v1::BatchGenerateRequest request = MakeBatch(3, 5);
  request.mutable_items(1)->mutable_request()->mutable_sampling()->set_top_p(7);
  const BatchOutcome outcome = RunBatchCall(fixture, request);
  EXPECT_TRUE(outcome.status.ok());
  EXPECT_EQ(outcome.summary.succeeded(), 2u);
  EXPECT_EQ(outcome.summary.failed(), 1u);
  const absl::Status bad = FromRpc(outcome.items.at(1).status());
  EXPECT_TRUE(absl::IsInvalidArgument(bad));
  EXPECT_EQ(ReasonOf(bad), v1::ERROR_REASON_INVALID_FIELD);
}

TEST(BatchCallTest, StreamsDeltasWhenAsked) {
  RouterFixture fixture;
  const auto worker = fixture.AddWorker("w0");
  v1::BatchGenerateRequest request = MakeBatch(4, 30);
  request.set_stream_deltas(true);
  const BatchOutcome outcome = RunBatchCall(fixture, request);
  for (uint32_t i = 0; i < 4; ++i) {
    EXPECT_EQ(outcome.delta_text.at(i), FakeText(i, 0, 30));
    EXPECT_EQ(outcome.items.at(i).result().samples(0).text(), FakeText(i, 0, 30));
  }
}

TEST(BatchCallTest, ItemsComeInTheOrderOfCompletion) {
  RouterFixture fixture;
  absl::Notification second_came;
  const auto worker = fixture.AddWorker("w0", [&](FakeStream& stream) {
    if (stream.request().sampling().seed() == 0) second_came.WaitForNotification();
    return UsualScript(stream);
  });
  const BatchOutcome outcome = RunBatchCall(fixture, MakeBatch(2, 5), [&](uint32_t index) {
    if (index == 1) second_came.Notify();
  });
  EXPECT_EQ(outcome.order, (std::vector<uint32_t>{1, 0}));
}

TEST(BatchCallTest, ABatchLargerThanTheQueueStillGoesThrough) {
  RouterConfig config;
  config.max_queued_requests = 4;
  RouterFixture fixture(config);
  const auto worker = fixture.AddWorker("w0", UsualScript, {.sequences = 1});
  const BatchOutcome outcome = RunBatchCall(fixture, MakeBatch(300, 3));
  EXPECT_EQ(outcome.summary.succeeded(), 300u);
  EXPECT_EQ(outcome.order.size(), 300u);
}

TEST(BatchCallTest, SurvivesTheLossOfAWorker) {
  RouterFixture fixture;
  auto dying = fixture.AddWorker("dying", [](FakeStream& stream) {
    stream.Start();
    stream.Tokens(stream.request().sampling().seed() % 4);
    Eventually([&] { return stream.cancelled(); });
    return grpc::Status::CANCELLED;
  });
  BatchOutcome outcome;
  std::thread client([&] { outcome = RunBatchCall(fixture, MakeBatch(8, 20)); });
  EXPECT_TRUE(dying->Await([](const FakeWorker& each) { return each.running() == 8; }));
  const auto good = fixture.AddWorker("good");
  dying->Kill();
  client.join();
  EXPECT_EQ(outcome.summary.succeeded(), 8u);
  for (const auto& [index, item] : outcome.items)
    EXPECT_EQ(item.result().samples(0).text(), FakeText(index, 0, 20));
}

TEST(BatchCallTest, CancellingTheCallCancelsAllItems) {
  RouterFixture fixture;
  const auto worker = fixture.AddWorker("w0", [](FakeStream& stream) {
    stream.Start();
    Eventually([&] { return stream.cancelled(); });
    return grpc::Status::CANCELLED;
  });
  grpc::ClientContext context;
  const auto stream = fixture.stub().BatchGenerate(&context, MakeBatch(50, 5));
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.running() >= 8; }));
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.running() == 0; }));
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_inflight{phase=\"queued\"} 0"));
  EXPECT_TRUE(fixture.AwaitMetric("hekla_router_worker_inflight{worker=\"w0\"} 0"));
}

TEST(BatchCallTest, ARouterThatGoesDownSaysSoOfEachItem) {
  RouterConfig config;
  config.drain_limit = absl::Milliseconds(100);
  RouterFixture fixture(config);
  const auto worker = fixture.AddWorker("w0", SilentScript);
  const int items = kBatchWindow + 20;
  BatchOutcome outcome;
  std::thread client([&] { outcome = RunBatchCall(fixture, MakeBatch(items, 5)); });
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.running() >= 8; }));
  fixture.router().Drain();
  client.join();
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.summary.failed(), static_cast<uint32_t>(items));
  for (const auto& [index, item] : outcome.items) {
    const absl::Status status = FromRpc(item.status());
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_DRAINING);
    EXPECT_TRUE(RetryDelayOf(status).has_value());
  }
}

TEST(BatchCallTest, RefusesAnEmptyBatch) {
  RouterFixture fixture;
  const BatchOutcome outcome = RunBatchCall(fixture, v1::BatchGenerateRequest());
  EXPECT_TRUE(absl::IsInvalidArgument(outcome.status));
  EXPECT_EQ(outcome.summaries, 0);
}

}  // namespace
}  // namespace hekla::service
