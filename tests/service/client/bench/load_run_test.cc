// Loads on fake workers in this process.
#include "service/client/bench/load_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "service/client/bench/summary.h"
#include "service/runtime/channel.h"
#include "tests/support/engine_fake/service_fixture.h"
#include "tests/support/service/fake_worker.h"
#include "tests/support/service/router_fixture.h"

namespace hekla::bench {
namespace {

using service::FakeStream;
using service::FakeWorker;

v1::Model FakeModel() {
  v1::Model model;
  model.set_vocabulary_size(256);
  return model;
}

LoadOptions LoadOf(const std::string& address, uint64_t requests, uint32_t clients) {
  service::ChannelOptions channel;
  channel.address = address;
  LoadOptions options;
  for (int i = 0; i < 2; ++i) options.channels.push_back(*service::OpenChannel(channel));
  options.clients = clients;
  options.requests = requests;
  return options;
}

WorkloadOptions ShortWork() {
  WorkloadOptions work;
  work.prompt_tokens = LengthDistribution::Constant(4);
  work.output_tokens = LengthDistribution::Constant(6);
  return work;
}

void NoWatch(const Progress&) {}

std::vector<RequestRecord> RunAll(const LoadOptions& options, const WorkloadOptions& work) {
  const Workload workload(work, FakeModel());
  std::vector<RequestRecord> records;
  LoadRun run(options, &workload, [&records](const RequestRecord& record) { records.push_back(record); });
  run.Run(NoWatch);
  std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.index < b.index; });
  return records;
}

std::unique_ptr<FakeWorker> MakeWorker(service::FakeScript script = service::UsualScript) {
  service::FakeWorkerOptions options;
  options.script = std::move(script);
  return std::make_unique<FakeWorker>(options);
}

TEST(LoadRunTest, AClosedLoopHasSoManyClients) {
  std::atomic<int> running = 0, most = 0;
  const auto worker = MakeWorker([&](FakeStream& stream) {
    const int now = ++running;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    stream.Start();
    // The first streams wait for each other: the clients do run at the same time.
    service::Eventually([&] { return most == 5; });
    stream.Tokens(stream.max_tokens());
    --running;
    stream.Finish();
    return grpc::Status::OK;
  });
  const std::vector<RequestRecord> records = RunAll(LoadOf(worker->address(), 40, 5), ShortWork());
  ASSERT_EQ(records.size(), 40u);
  EXPECT_EQ(most, 5);
  for (size_t i = 0; i < records.size(); ++i) {
    const RequestRecord& record = records[i];
    EXPECT_EQ(record.index, i);
    EXPECT_TRUE(record.IsComplete()) << record.status;
    EXPECT_EQ(record.tokens, 6u);
    EXPECT_EQ(record.prompt_tokens, 3u) << "as the worker says";
    EXPECT_EQ(record.messages, 8u) << "Started, six tokens, Finished";
    EXPECT_EQ(record.skipped + record.repeated, 0u);
    EXPECT_TRUE(std::is_sorted(record.arrivals.begin(), record.arrivals.end(),
                               [](const auto& a, const auto& b) { return a.after_us < b.after_us; }));
  }
}

TEST(LoadRunTest, AnOpenLoopKeepsToItsTimesWhenTheServerIsBehind) {
  const auto worker = MakeWorker();
  LoadOptions options = LoadOf(worker->address(), 30, 0);
  options.rate = 1000;
  options.arrivals = ArrivalKind::kPoisson;
  options.max_inflight = 1;  // each starts when the one before has ended: all are late
  const WorkloadOptions work = ShortWork();
  const std::vector<RequestRecord> records = RunAll(options, work);
  ASSERT_EQ(records.size(), 30u);
  Arrivals arrivals(ArrivalKind::kPoisson, 1000, work.seed);
  const absl::Time begun = records[0].intended - arrivals.Next();
  for (size_t i = 1; i < records.size(); ++i) {
    EXPECT_EQ(records[i].intended, begun + arrivals.Next());
    EXPECT_GE(records[i].started, records[i - 1].ended);
    EXPECT_GE(absl::Microseconds(records[i].arrivals[0].after_us + 1), records[i].started - records[i].intended)
        << "the wait in this program is part of the latency";
  }
}

TEST(LoadRunTest, DurationEndsAnOpenLoop) {
  const auto worker = MakeWorker();
  LoadOptions options = LoadOf(worker->address(), 0, 0);
  options.rate = 200;
  options.arrivals = ArrivalKind::kConstant;
  options.duration = absl::Milliseconds(100);
  EXPECT_EQ(RunAll(options, ShortWork()).size(), 20u) << "all that was due, however slow the machine is";
}

TEST(LoadRunTest, CancelsComeAsPlanned) {
  const auto worker = MakeWorker([](FakeStream& stream) {
    stream.Start();
    stream.Tokens(stream.max_tokens() - 1);
    service::Eventually([&] { return stream.cancelled(); });
    return grpc::Status::CANCELLED;
  });
  WorkloadOptions work = ShortWork();
  work.cancel_share = 1;
  const std::vector<RequestRecord> records = RunAll(LoadOf(worker->address(), 30, 4), work);
  ASSERT_EQ(records.size(), 30u);
  for (const RequestRecord& record : records) EXPECT_TRUE(record.cancelled) << record.status;
  EXPECT_TRUE(worker->Await([](const FakeWorker& w) { return w.running() == 0; }));
  EXPECT_EQ(worker->cancelled(), worker->calls());
}

TEST(LoadRunTest, SlowReadersPauseAfterEachMessage) {
  const auto worker = MakeWorker();
  LoadOptions options = LoadOf(worker->address(), 3, 3);
  options.slow_pause = absl::Milliseconds(20);
  WorkloadOptions work = ShortWork();
  work.slow_share = 1;
  for (const RequestRecord& record : RunAll(options, work)) {
    EXPECT_TRUE(record.IsComplete()) << record.status;
    EXPECT_TRUE(record.slow);
    EXPECT_GE(record.ended - record.started, options.slow_pause * 8);
  }
}

TEST(LoadRunTest, GapsAndRepeatsAreSeen) {
  const auto worker = MakeWorker([](FakeStream& stream) {
    stream.Start();
    for (const uint32_t offset : {0u, 1u, 3u, 1u}) {
      v1::GenerateResponse response;
      response.mutable_delta()->set_token_offset(offset);
      response.mutable_delta()->set_token_count(1);
      stream.Write(response);
    }
    stream.Tokens(4);  // 0 .. 3 again
    stream.Finish();
    return grpc::Status::OK;
  });
  const std::vector<RequestRecord> records = RunAll(LoadOf(worker->address(), 2, 1), ShortWork());
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].skipped, 1u);
  EXPECT_EQ(records[0].repeated, 5u);
}

TEST(LoadRunTest, AStreamWithoutItsEndIsAFailure) {
  const auto worker = MakeWorker([](FakeStream& stream) {
    stream.Start();
    stream.Tokens(2);
    return grpc::Status::OK;
  });
  const std::vector<RequestRecord> records = RunAll(LoadOf(worker->address(), 1, 1), ShortWork());
  EXPECT_TRUE(absl::IsDataLoss(records.at(0).status)) << records[0].status;
}

TEST(LoadRunTest, TheUnavailableIsTriedAgainAndTheOutputHashed) {
  std::atomic<int> calls = 0;
  const auto worker = MakeWorker([&](FakeStream& stream) {
    if (calls++ % 3 < 2) {
      stream.Start();
      stream.Tokens(2);
      // A cancel without a reason is what a server leaves that goes down.
      return grpc::Status(calls % 3 == 1 ? grpc::StatusCode::UNAVAILABLE : grpc::StatusCode::CANCELLED, "later");
    }
    return service::UsualScript(stream);
  });
  LoadOptions options = LoadOf(worker->address(), 4, 1);
  options.retry_delay = absl::Milliseconds(1);
  options.max_attempts = 3;
  WorkloadOptions work = ShortWork();
  work.distinct = 2;
  const std::vector<RequestRecord> records = RunAll(options, work);
  ASSERT_EQ(records.size(), 4u);
  for (const RequestRecord& record : records) {
    EXPECT_TRUE(record.IsComplete()) << record.status;
    EXPECT_EQ(record.attempts, 3u);
    EXPECT_EQ(record.tokens, 6u) << "of the last attempt";
  }
  EXPECT_EQ(records[0].output_hash, records[2].output_hash);
  EXPECT_NE(records[0].output_hash, records[1].output_hash);
  options.max_attempts = 1;
  EXPECT_TRUE(absl::IsUnavailable(RunAll(options, work)[0].status));
}

TEST(LoadRunTest, StopCancelsWhatRunsAndSendsNoMore) {
  const auto worker = MakeWorker([](FakeStream& stream) {
    stream.Start();
    stream.Tokens(1);
    service::Eventually([&] { return stream.cancelled(); });
    return grpc::Status::CANCELLED;
  });
  const Workload workload(ShortWork(), FakeModel());
  LoadOptions options = LoadOf(worker->address(), 1000, 6);
  std::vector<RequestRecord> records;
  LoadRun run(options, &workload, [&records](const RequestRecord& record) { records.push_back(record); });
  run.Run([&](const Progress& progress) {
    if (progress.tokens >= 6) run.Stop();
  });
  ASSERT_EQ(records.size(), 6u);
  for (const RequestRecord& record : records) {
    EXPECT_TRUE(absl::IsCancelled(record.status));
    EXPECT_FALSE(record.cancelled) << "it was not planned";
  }
  EXPECT_EQ(run.progress().ended, 6u);
}

TEST(LoadRunTest, TwoThousandStreamsAtOnce) {
  constexpr int kStreams = 2000;
  engine::FakeEngineOptions engine;
  engine.max_sequences = kStreams;
  engine.max_waiting = kStreams;
  engine.gated = true;
  worker::ServiceFixture fixture(engine);
  const Workload workload(ShortWork(), FakeModel());
  const LoadOptions options = LoadOf(fixture.address(), kStreams, kStreams);
  Summary summary(absl::Now(), {});
  LoadRun run(options, &workload, [&summary](const RequestRecord& record) { summary.Add(record); });
  std::thread load([&] { run.Run(NoWatch); });
  EXPECT_TRUE(fixture.engine().AwaitSubmitted(kStreams, absl::Seconds(60)));
  EXPECT_EQ(run.progress().ended, 0u) << "all at once";
  fixture.engine().Grant(6);
  load.join();
  EXPECT_EQ(summary.completed, static_cast<uint64_t>(kStreams));
  EXPECT_EQ(summary.output_tokens, 6u * kStreams);
  EXPECT_TRUE(summary.IsExact());
  EXPECT_TRUE(fixture.AwaitIdle());
}

}  // namespace
}  // namespace hekla::bench
