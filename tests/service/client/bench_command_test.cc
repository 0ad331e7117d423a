// hekla bench against a router in this process.
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "service/client/command.h"
#include "service/runtime/file.h"
#include "tests/support/service/fake_worker.h"
#include "tests/support/service/router_fixture.h"

namespace hekla::service {
namespace {

struct Outcome {
  int exit_code = -1;
  std::string out, err;
};

Outcome RunCommand(
    std::vector<std::string> arguments, const std::string& address,
    const std::function<bool()>& interrupted = [] { return false; }) {
  arguments.insert(arguments.begin(), {"bench", "--address", address});
  std::istringstream in;
  std::ostringstream out, err;
  Outcome outcome;
  outcome.exit_code = RunHekla(arguments, {in, out, err, interrupted});
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

TEST(BenchCommandTest, AClosedLoopIsReportedInEveryForm) {
  RouterFixture fixture;
  const auto worker = fixture.AddWorker("w0");
  const std::string base = std::filesystem::temp_directory_path() / absl::StrCat("hekla-bench-", getpid());
  const std::string json = base + ".json", html = base + ".html";
  const Outcome outcome =
      RunCommand({"--clients", "3", "--requests", "20", "--output-tokens", "uniform:2,9", "--prompt-tokens", "5",
                  "--json", json, "--html", html, "--slo-ttft", "1m"},
                 fixture.address());
  EXPECT_EQ(outcome.exit_code, kExitOk) << outcome.err << outcome.out;
  EXPECT_TRUE(absl::StrContains(outcome.out, "closed loop, 3 clients")) << outcome.out;
  EXPECT_TRUE(absl::StrContains(outcome.out, "requests     20: 20 completed, 0 failed")) << outcome.out;
  EXPECT_TRUE(absl::StrContains(outcome.out, "tokens       0 skipped, 0 repeated\n")) << outcome.out;
  EXPECT_TRUE(absl::StrContains(outcome.out, "goodput")) << outcome.out;
  EXPECT_TRUE(absl::StrContains(*ReadWholeFile(json), "\"completed\": 20,"));
  EXPECT_TRUE(absl::StrContains(*ReadWholeFile(html), "<svg "));
  EXPECT_EQ(worker->calls(), 20);
  EXPECT_EQ(worker->requests()[0].token_ids().ids_size(), 5);
  EXPECT_TRUE(worker->requests()[0].stop().ignore_eos());
  std::filesystem::remove(json);
  std::filesystem::remove(html);
}

TEST(BenchCommandTest, AnOpenLoopOfPromptsFromAFile) {
  RouterFixture fixture;
  const auto worker = fixture.AddWorker("w0");
  const std::string path = std::filesystem::temp_directory_path() / absl::StrCat("hekla-prompts-", getpid());
  std::ofstream(path) << "alpha\n\nbeta\n";
  const Outcome outcome = RunCommand({"--rate", "500", "--arrivals", "constant", "--requests", "10", "--prompts",
                                      path, "--output-tokens", "3", "--json", "-"},
                                     fixture.address());
  EXPECT_EQ(outcome.exit_code, kExitOk) << outcome.err;
  EXPECT_TRUE(absl::StrContains(outcome.out, "\"title\": \"open loop, 500 requests/s, constant\"")) << outcome.out;
  EXPECT_EQ(worker->calls(), 10);
  for (const v1::GenerateRequest& request : worker->requests()) {
    EXPECT_TRUE(request.text() == "alpha" || request.text() == "beta") << request.text();
  }
  std::filesystem::remove(path);
}

TEST(BenchCommandTest, BrokenStreamsMakeItFail) {
  FakeWorkerOptions options;
  options.script = [](FakeStream& stream) {
    stream.Start();
    stream.Tokens(2);
    v1::GenerateResponse response;
    response.mutable_delta()->set_token_offset(7);
    response.mutable_delta()->set_token_count(1);
    stream.Write(response);
    response.mutable_finished()->mutable_usage()->set_output_tokens(8);
    stream.Write(response);
    return grpc::Status::OK;
  };
  const FakeWorker worker(options);
  const Outcome outcome = RunCommand({"--requests", "1", "--output-tokens", "8"}, worker.address());
  EXPECT_EQ(outcome.exit_code, kExitError);
  EXPECT_TRUE(absl::StrContains(outcome.out, "tokens       5 skipped, 0 repeated: THE STREAMS ARE BROKEN"))
      << outcome.out;
}

TEST(BenchCommandTest, WhenNothingSucceedsItFails) {
  FakeWorkerOptions options;
  options.script = [](FakeStream&) { return grpc::Status(grpc::StatusCode::INTERNAL, "broken"); };
  const FakeWorker worker(options);
  const Outcome outcome = RunCommand({"--requests", "2", "--output-tokens", "8"}, worker.address());
  EXPECT_EQ(outcome.exit_code, kExitError);
  EXPECT_TRUE(absl::StrContains(outcome.out, "2 INTERNAL")) << outcome.out;
}

TEST(BenchCommandTest, CtrlCEndsItWithWhatThereIs) {
  FakeWorkerOptions options;
  options.script = [](FakeStream& stream) {
    stream.Start();
    stream.Tokens(1);
    Eventually([&] { return stream.cancelled(); });
    return grpc::Status::CANCELLED;
  };
  const FakeWorker worker(options);
  const Outcome outcome = RunCommand({"--clients", "2"}, worker.address(), [&] { return worker.running() == 2; });
  EXPECT_EQ(outcome.exit_code, kExitCancelled);
  EXPECT_TRUE(absl::StrContains(outcome.out, "interrupted")) << outcome.out;
  EXPECT_TRUE(absl::StrContains(outcome.out, "requests     2:")) << outcome.out;
}

TEST(BenchCommandTest, WrongUsageIsNamed) {
  const auto error_of = [](std::vector<std::string> arguments) {
    const Outcome outcome = RunCommand(std::move(arguments), "127.0.0.1:1");
    EXPECT_EQ(outcome.exit_code, kExitUsage);
    return outcome.err;
  };
  EXPECT_EQ(error_of({"--clients", "3", "--rate", "2"}),
            "hekla: --clients is a closed loop and --rate an open one: give one of them\n");
  EXPECT_EQ(error_of({"--clients", "0"}), "hekla: --clients: 0 is not in 1 .. 100000\n");
  EXPECT_EQ(error_of({"--rate", "0"}), "hekla: --rate: 0 is not in (0, 1000000]\n");
  EXPECT_EQ(error_of({"--arrivals", "often"}), "hekla: --arrivals: 'often' is not poisson or constant\n");
  EXPECT_EQ(error_of({"--prompt-tokens", "many"}),
            "hekla: --prompt-tokens: 'many' is not a number of tokens in 1 .. 1048576\n");
  EXPECT_EQ(error_of({"--prompts", "/does/not/exist"}), "hekla: file /does/not/exist cannot be read\n");
  EXPECT_EQ(error_of({"--chaos-workers", "3"}),
            "hekla: --chaos-faults, -workers, -model, -relent and --programs need --chaos\n");
  EXPECT_EQ(error_of({"extra"}), "hekla: unexpected argument 'extra'\n");
}

TEST(BenchCommandTest, WhatTheModelCannotHoldIsRefusedBeforeTheLoad) {
  RouterFixture fixture;
  const auto worker = fixture.AddWorker("w0");
  const Outcome outcome = RunCommand({"--prompt-tokens", "4000", "--output-tokens", "200"}, fixture.address());
  EXPECT_EQ(outcome.exit_code, kExitError);
  EXPECT_TRUE(absl::StrContains(outcome.err, "a prompt of 4000 and an output of 200 tokens do not fit: the model's "
                                             "context is 4096"))
      << outcome.err;
  EXPECT_EQ(worker->calls(), 0);
}

TEST(BenchCommandTest, ChaosUsageIsNamed) {
  const auto error_of = [](std::vector<std::string> arguments) {
    arguments.push_back("--chaos");
    const Outcome outcome = RunCommand(std::move(arguments), "127.0.0.1:1");
    EXPECT_EQ(outcome.exit_code, kExitUsage);
    return outcome.err;
  };
  EXPECT_EQ(error_of({"--chaos-faults", "flood"}),
            "hekla: --chaos-faults: 'flood' is not one of none, kill, freeze, link-reset, link-silent, slow, drain, "
            "restart\n");
  EXPECT_EQ(error_of({"--chaos-workers", "2,0"}), "hekla: --chaos-workers: '0' is not a number in 1 .. 32\n");
  EXPECT_EQ(error_of({"--rate", "3"}), "hekla: --chaos has a closed loop: no --rate\n");
  EXPECT_EQ(error_of({"--cancel-share", "0.5"}),
            "hekla: --chaos compares outputs: no --cancel-share and no --slow-share\n");
  EXPECT_EQ(error_of({"--duration", "3s"}), "hekla: --chaos sends a number of requests: no --duration\n");
  EXPECT_EQ(error_of({"--html", "x.html"}), "hekla: --chaos prints a table: no --html\n");
}

}  // namespace
}  // namespace hekla::service
