// hekla drain, undrain, inflight, cancel, top against a router in this process.
#include <gtest/gtest.h>

#include <atomic>
#include <sstream>
#include <thread>

#include "absl/strings/match.h"
#include "service/client/command.h"
#include "service/client/top_view.h"
#include "service/runtime/time.h"
#include "tests/support/service/fake_worker.h"
#include "tests/support/service/router_fixture.h"

namespace hekla::service {
namespace {

struct Outcome {
  int exit_code = -1;
  std::string out, err;
};

class AdminCommandsTest : public testing::Test {
 protected:
  Outcome Run(std::vector<std::string> arguments, bool is_terminal = false,
              const std::function<bool()>& interrupted = [] { return false; }) {
    arguments.insert(arguments.end(), {"--address", fixture_.admin_address()});
    std::istringstream in;
    std::ostringstream out, err;
    Outcome outcome;
    outcome.exit_code = RunHekla(arguments, {in, out, err, interrupted, is_terminal});
    outcome.out = out.str();
    outcome.err = err.str();
    return outcome;
  }
  // A request called `id` that runs until release_ or a cancel.
  std::thread StartRequest(const std::string& id, GeneratedStream* result) {
    return std::thread([this, id, result] {
      v1::GenerateRequest request = RouterFixture::Request(3);
      request.set_request_id(id);
      *result = fixture_.Generate(request);
    });
  }

  std::atomic<bool> release_ = false;
  RouterFixture fixture_;
  std::unique_ptr<FakeWorker> worker_ = fixture_.AddWorker("w0", [this](FakeStream& stream) {
    stream.Start();
    stream.Tokens(2);
    Eventually([&] { return release_ || stream.cancelled(); });
    stream.Tokens(1);
    stream.Finish();
    return grpc::Status::OK;
  });
};

TEST_F(AdminCommandsTest, DrainAndUndrain) {
  Outcome outcome = Run({"drain", "w0", "--wait"});
  EXPECT_EQ(outcome.exit_code, kExitOk) << outcome.err;
  EXPECT_EQ(outcome.out, "w0 is draining, 0 requests are there\nw0 is empty\n");
  EXPECT_TRUE(absl::StrContains(Run({"workers"}).out, "DRAINING"));
  outcome = Run({"undrain", "w0"});
  EXPECT_EQ(outcome.out, "w0 takes requests\n") << outcome.err;
  EXPECT_TRUE(absl::StrContains(Run({"workers"}).out, "READY"));
  outcome = Run({"drain", "w9"});
  EXPECT_EQ(outcome.exit_code, kExitError);
  EXPECT_TRUE(absl::StartsWith(outcome.err, "hekla: NOT_FOUND (UNKNOWN_WORKER): ")) << outcome.err;
}

TEST_F(AdminCommandsTest, DrainWaitsForWhatRuns) {
  GeneratedStream stream;
  std::thread request = StartRequest("mine", &stream);
  EXPECT_TRUE(worker_->Await([](const FakeWorker& w) { return w.running() == 1; }));
  EXPECT_EQ(Run({"drain", "w0"}).out, "w0 is draining, 1 requests are there\n");
  Outcome outcome;
  std::atomic<bool> drained = false;
  std::thread drain([&] {
    outcome = Run({"drain", "w0", "--wait", "--limit", "1h"});
    drained = true;
  });
  EXPECT_TRUE(worker_->Await([](const FakeWorker& w) { return w.commands().size() == 3; }));
  EXPECT_EQ(worker_->commands()[2].drain().limit().seconds(), 3600);
  EXPECT_FALSE(drained);
  release_ = true;  // perhaps before the router has counted what is there
  drain.join();
  request.join();
  EXPECT_TRUE(absl::EndsWith(outcome.out, "w0 is empty\n")) << outcome.out << outcome.err;
  EXPECT_TRUE(stream.status.ok()) << stream.status;
}

TEST_F(AdminCommandsTest, InflightAndCancel) {
  EXPECT_EQ(Run({"inflight"}).out,
            "REQUEST  MODEL  WORKER  PHASE  AGE  TOKENS  ATTEMPTS  PRIORITY  PEER\n");
  GeneratedStream stream;
  std::thread request = StartRequest("mine", &stream);
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(Run({"inflight"}).out, "DECODE"); }));
  const Outcome listed = Run({"inflight", "--json"});
  EXPECT_TRUE(absl::StartsWith(listed.out, "{\"request_id\":\"mine\",")) << listed.out;
  Outcome outcome = Run({"cancel", "other", "mine"});
  EXPECT_EQ(outcome.exit_code, kExitError);
  EXPECT_EQ(outcome.out, "mine is cancelled\n");
  EXPECT_TRUE(absl::StrContains(outcome.err, "NOT_FOUND (UNKNOWN_REQUEST)")) << outcome.err;
  request.join();
  EXPECT_TRUE(absl::IsCancelled(stream.status)) << stream.status;
}

TEST_F(AdminCommandsTest, TopIsPlainWhereThereIsNoTerminal) {
  GeneratedStream stream;
  std::thread request = StartRequest("mine", &stream);
  EXPECT_TRUE(worker_->Await([](const FakeWorker& w) { return w.running() == 1; }));
  Outcome outcome = Run({"top", "--count", "2", "--interval", "1ms"});
  EXPECT_EQ(outcome.exit_code, kExitOk) << outcome.err;
  EXPECT_FALSE(absl::StrContains(outcome.out, "\x1b"));
  EXPECT_TRUE(absl::StrContains(outcome.out, "1 of 1 workers ready, 1 requests (1 ")) << outcome.out;
  const size_t second = outcome.out.find("1 of 1 workers ready", outcome.out.find("1 of 1 workers ready") + 1);
  EXPECT_NE(second, std::string::npos) << "two views";
  EXPECT_TRUE(absl::StrContains(outcome.out, "\nmine     w0"));
  outcome = Run({"top", "--count", "1"}, true);
  EXPECT_TRUE(absl::StartsWith(outcome.out, "\x1b[H\x1b[J"));
  std::atomic<int> polls = 0;
  outcome = Run({"top", "--interval", "1h"}, true, [&polls] { return ++polls > 100; });
  EXPECT_EQ(outcome.exit_code, kExitOk) << "Ctrl-C is how it ends";
  release_ = true;
  request.join();
}

TEST_F(AdminCommandsTest, WrongUsageIsNamed) {
  EXPECT_EQ(Run({"drain"}).err, "hekla: give WORKER; see --help\n");
  EXPECT_EQ(Run({"drain", "a", "b"}).exit_code, kExitUsage);
  EXPECT_EQ(Run({"cancel"}).err, "hekla: give REQUEST...; see --help\n");
  EXPECT_EQ(Run({"top", "x"}).err, "hekla: unexpected argument 'x'\n");
  for (const char* name : {"drain", "undrain", "inflight", "cancel", "top"}) {
    const Outcome help = Run({name, "--help"});
    EXPECT_EQ(help.exit_code, kExitOk);
    EXPECT_TRUE(absl::StrContains(help.out, "127.0.0.1:8091")) << help.out;
  }
}

TEST(TopViewTest, RatesAreThoseSinceTheViewBefore) {
  v1::ListWorkersResponse workers;
  v1::WorkerState& worker = *workers.add_workers();
  worker.set_worker_id("w0");
  worker.set_state(v1::WorkerState::READY);
  v1::ListInFlightResponse inflight;
  v1::InFlight& first = *inflight.add_requests();
  first.set_request_id("r1");
  first.set_worker_id("w0");
  first.set_phase(v1::InFlight::DECODE);
  first.set_output_tokens(100);
  *first.mutable_age() = ToProto(absl::Seconds(10));
  TopView view(1);
  const absl::Time now = absl::FromUnixSeconds(1000);
  EXPECT_TRUE(absl::StrContains(view.Render(workers, inflight, now), "1 requests (1 decode), 10.0 tokens/s"));
  first.set_output_tokens(150);
  *inflight.add_requests() = first;
  inflight.mutable_requests(1)->set_request_id("r2");
  inflight.mutable_requests(1)->set_phase(v1::InFlight::QUEUED);
  const std::string text = view.Render(workers, inflight, now + absl::Seconds(2));
  EXPECT_TRUE(absl::StrContains(text, "2 requests (1 decode, 1 queued), 40.0 tokens/s")) << text;
  EXPECT_TRUE(absl::StrContains(text, "\nr1 ")) << text;
  EXPECT_FALSE(absl::StrContains(text, "\nr2 ")) << "one row was asked for";
  EXPECT_TRUE(absl::StrContains(text, "and 1 more\n")) << text;
}

}  // namespace
}  // namespace hekla::service
