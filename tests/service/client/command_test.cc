// The hekla command against a router in this process.
#include "service/client/command.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/support/service/fake_worker.h"
#include "tests/support/service/router_fixture.h"

namespace hekla::service {
namespace {

struct Outcome {
  int exit_code = -1;
  std::string out, err;
};

Outcome RunCommand(
    const std::vector<std::string>& arguments, const std::string& input = "",
    const std::function<bool()>& interrupted = [] { return false; }) {
  std::istringstream in(input);
  std::ostringstream out, err;
  Outcome outcome;
  outcome.exit_code = RunHekla(arguments, {in, out, err, interrupted});
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

class CommandTest : public testing::Test {
 protected:
  Outcome Ask(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.push_back("--address");
    arguments.push_back(arguments[0] == "workers" ? fixture_.admin_address() : fixture_.address());
    return RunCommand(arguments, input);
  }
  RouterFixture fixture_;
  std::unique_ptr<FakeWorker> worker_ = fixture_.AddWorker("w0");
};

TEST(CommandHelpTest, HelpAndWrongUsage) {
  EXPECT_EQ(RunCommand({}).exit_code, kExitUsage);
  EXPECT_EQ(RunCommand({"--help"}).exit_code, kExitOk);
  EXPECT_EQ(RunCommand({"frobnicate"}).exit_code, kExitUsage);
  EXPECT_EQ(RunCommand({"generate", "--top-q", "1"}).exit_code, kExitUsage);
  EXPECT_EQ(RunCommand({"generate", "--priority", "urgent", "x"}).exit_code, kExitUsage);
  EXPECT_EQ(RunCommand({"generate", "--logit-bias", "5", "x"}).exit_code, kExitUsage);
  EXPECT_EQ(RunCommand({"batch"}).exit_code, kExitUsage) << "no prompt on an empty stdin";
  for (const char* name : {"generate", "batch", "models", "workers", "health", "tokenize", "bench"}) {
    const Outcome help = RunCommand({name, "--help"});
    EXPECT_EQ(help.exit_code, kExitOk);
    EXPECT_NE(help.out.find(absl::StrCat("usage: hekla ", name)), std::string::npos);
    EXPECT_NE(help.out.find("--address HOST:PORT"), std::string::npos);
  }
}

TEST(CommandHelpTest, NobodyThereIsOneClearLine) {
  const Outcome outcome = RunCommand({"generate", "--address", "127.0.0.1:1", "hello"});
  EXPECT_EQ(outcome.exit_code, kExitError);
  EXPECT_EQ(outcome.err.find("hekla: UNAVAILABLE: nobody answers at 127.0.0.1:1"), 0u) << outcome.err;
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1);
}

TEST_F(CommandTest, GeneratePrintsTextAndSummary) {
  const Outcome outcome = Ask({"generate", "--prompt", "Once", "--max-tokens", "12", "--seed", "5"});
  EXPECT_EQ(outcome.exit_code, kExitOk) << outcome.err;
  EXPECT_EQ(outcome.out, FakeText(5, 0, 12) + "\n");
  EXPECT_NE(outcome.err.find("12 tokens, TTFT "), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("max_tokens"), std::string::npos);
  EXPECT_EQ(worker_->requests()[0].text(), "Once");
}

TEST_F(CommandTest, GenerateReadsStdinAndPassesEveryFlag) {
  const Outcome outcome = Ask({"generate",
                               "--quiet",
                               "--max-tokens=3",
                               "--temperature",
                               "0.5",
                               "--top-k",
                               "7",
                               "--top-p",
                               "0.9",
                               "--min-p",
                               "0.1",
                               "--repetition-penalty",
                               "1.1",
                               "--stop",
                               "END",
                               "--stop-token",
                               "9",
                               "--logit-bias",
                               "4=-1.5",
                               "--seed",
                               "1",
                               "--priority",
                               "interactive",
                               "--request-id",
                               "mine",
                               "--ignore-eos"},
                              "from stdin\n");
  EXPECT_EQ(outcome.exit_code, kExitOk) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  const v1::GenerateRequest request = worker_->requests().at(0);
  EXPECT_EQ(request.text(), "from stdin");
  EXPECT_EQ(request.request_id(), "mine");
  EXPECT_EQ(request.priority(), v1::PRIORITY_INTERACTIVE);
  EXPECT_FLOAT_EQ(request.sampling().temperature(), 0.5f);
  EXPECT_EQ(request.sampling().top_k(), 7u);
  EXPECT_FLOAT_EQ(request.sampling().logit_bias().at(4), -1.5f);
  EXPECT_FALSE(request.sampling().has_presence_penalty()) << "what was not given stays unset";
  EXPECT_EQ(request.stop().stop_strings(0), "END");
  EXPECT_EQ(request.stop().stop_token_ids(0), 9u);
  EXPECT_TRUE(request.stop().ignore_eos());
}

TEST_F(CommandTest, GenerateJsonIsALineAnEvent) {
  const Outcome outcome =
      Ask({"generate", "--json", "--max-tokens", "2", "--seed", "5", "--prompt-logprobs", "3", "x"});
  const std::vector<std::string> lines = absl::StrSplit(outcome.out, '\n', absl::SkipEmpty());
  ASSERT_GE(lines.size(), 3u);
  EXPECT_EQ(lines.front().find("{\"started\":{"), 0u);
  EXPECT_EQ(lines[1].find("{\"prompt\":{"), 0u);
  EXPECT_NE(lines[1].find("\"logprobs\":[{"), std::string::npos);
  EXPECT_EQ(worker_->requests().at(0).output().prompt_logprobs(), 3u);
  EXPECT_EQ(lines.back().find("{\"finished\":{"), 0u);
}

TEST_F(CommandTest, ErrorsSayWhy) {
  const Outcome outcome = Ask({"generate", "--top-p", "3", "x"});
  EXPECT_EQ(outcome.exit_code, kExitError);
  EXPECT_EQ(outcome.err, "hekla: INVALID_ARGUMENT (INVALID_FIELD): sampling.top_p: 3 is not in (0, 1]\n");
}

TEST_F(CommandTest, BatchPrintsEachItemAndASum) {
  const Outcome outcome = Ask(
      {"batch", "--max-tokens", "4", "--seed", "2", "--prompt", "one ", "--file", "-"}, "two \n\nthree \n");
  EXPECT_EQ(outcome.exit_code, kExitOk) << outcome.err;
  EXPECT_NE(outcome.out.find(absl::StrCat("[0] one ", FakeText(2, 0, 4), "\n")), std::string::npos)
      << outcome.out;
  EXPECT_NE(outcome.out.find(absl::StrCat("[2] three ", FakeText(2, 0, 4), "\n")), std::string::npos);
  EXPECT_NE(outcome.err.find("3 of 3 done"), std::string::npos) << outcome.err;
}

TEST_F(CommandTest, ABatchWithAFailureExitsWithOne) {
  const std::string path = std::filesystem::temp_directory_path() / absl::StrCat("hekla-prompts-", getpid());
  std::ofstream(path) << "a\nb\n";
  const Outcome good = Ask({"batch", "--max-tokens", "2", "--file", path});
  EXPECT_EQ(good.exit_code, kExitOk) << good.err;
  const Outcome bad = Ask({"batch", "--max-tokens", "2", "--top-p", "9", "--file", path});
  EXPECT_EQ(bad.exit_code, kExitError);
  EXPECT_NE(bad.out.find("[1] failed: INVALID_ARGUMENT"), std::string::npos) << bad.out;
  std::filesystem::remove(path);
}

TEST_F(CommandTest, QuestionsAreAnswered) {
  Outcome outcome = Ask({"models"});
  EXPECT_EQ(outcome.exit_code, kExitOk);
  EXPECT_NE(outcome.out.find("\nfake "), std::string::npos) << outcome.out;
  outcome = Ask({"workers"});
  EXPECT_NE(outcome.out.find("\nw0      READY  fake"), std::string::npos) << outcome.out;
  EXPECT_EQ(Ask({"health"}).out, "SERVING\n");
  EXPECT_EQ(Ask({"health", "--service", "model/fake"}).exit_code, kExitOk);
  EXPECT_EQ(Ask({"health", "--service", "model/none"}).exit_code, kExitError);
  EXPECT_EQ(Ask({"tokenize", "AB"}).out, "65,66\n");
  EXPECT_EQ(Ask({"tokenize", "--pieces"}, "AB\n").out, "65\tA\n66\tB\n");
  EXPECT_EQ(Ask({"tokenize", "--decode", "65, 66"}).out, "AB\n");
  EXPECT_EQ(Ask({"tokenize", "--decode", "A"}).exit_code, kExitUsage);
  worker_->Kill();
  EXPECT_TRUE(fixture_.AwaitMetric("hekla_router_workers{state=\"ready\"} 0"));
  outcome = Ask({"health"});
  EXPECT_EQ(outcome.out, "NOT_SERVING\n");
  EXPECT_EQ(outcome.exit_code, kExitError);
}

TEST(CommandInterruptTest, CtrlCCancelsTheGeneration) {
  RouterFixture fixture;
  const auto worker = fixture.AddWorker("w0", [](FakeStream& stream) {
    stream.Start();
    stream.Tokens(3);
    Eventually([&] { return stream.cancelled(); });
    return grpc::Status::CANCELLED;
  });
  std::atomic<bool> interrupted = false;
  Outcome outcome;
  std::thread command([&] {
    outcome =
        RunCommand({"generate", "--max-tokens", "9", "--seed", "1", "--address", fixture.address(), "x"}, "",
                   [&] { return interrupted.load(); });
  });
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.running() == 1; }));
  interrupted = true;
  command.join();
  EXPECT_EQ(outcome.exit_code, kExitCancelled);
  EXPECT_NE(outcome.err.find("hekla: cancelled\n"), std::string::npos) << outcome.err;
  EXPECT_TRUE(worker->Await([](const FakeWorker& each) { return each.cancelled() == 1; }));
}

}  // namespace
}  // namespace hekla::service
