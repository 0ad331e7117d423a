#include "service/runtime/child_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

#include "absl/time/time.h"

namespace hekla::service {
namespace {

using Output = ChildProcess::Output;

std::unique_ptr<ChildProcess> Shell(const std::string& script, Output output = Output::kShared) {
  auto child = ChildProcess::Start("/bin/sh", {"-c", script}, output);
  EXPECT_TRUE(child.ok()) << child.status();
  return child.ok() ? *std::move(child) : nullptr;
}

TEST(ChildProcessTest, TellsTheExitCodeAndTheSignal) {
  const ExitStatus code = Shell("exit 75")->Wait();
  EXPECT_EQ(code.code, 75);
  EXPECT_EQ(code.signal, 0);
  const ExitStatus killed = Shell("kill -9 $$")->Wait();
  EXPECT_EQ(killed.signal, SIGKILL);
}

TEST(ChildProcessTest, PassesArgumentsAsTheyAre) {
  auto child = ChildProcess::Start("/bin/sh", {"-c", "test \"$1\" = 'a b*' && test $# = 1", "sh", "a b*"});
  ASSERT_TRUE(child.ok());
  EXPECT_EQ((*child)->Wait().code, 0);
}

TEST(ChildProcessTest, AProgramThatIsNotThereIsNamed) {
  const absl::Status status = ChildProcess::Start("/nowhere/hekla-worker", {}).status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_NE(status.message().find("/nowhere/hekla-worker"), absl::string_view::npos) << status;
}

TEST(ChildProcessTest, InheritsNoFilesAndNoProcessGroup) {
  int open_here[2];
  ASSERT_EQ(pipe(open_here), 0);
  EXPECT_EQ(Shell("test ! -e /proc/$$/fd/" + std::to_string(open_here[1]) + " && ! read line")->Wait().code,
            0);
  auto child = Shell("while :; do read line < /proc/self/stat; done");
  EXPECT_EQ(getpgid(child->pid()), child->pid());
  close(open_here[0]);
  close(open_here[1]);
}

TEST(ChildProcessTest, ASignalEndsItAndALaterOneDoesNothing) {
  auto child = Shell("while :; do :; done");
  child->Signal(SIGTERM);
  EXPECT_EQ(child->Wait().signal, SIGTERM);
  child->Signal(SIGKILL);
  EXPECT_EQ(child->Wait().signal, SIGTERM);
}

TEST(ChildProcessTest, ItsEndIsWaitedForUpToALimit) {
  auto child = Shell("exec sleep 1000");
  EXPECT_FALSE(child->AwaitEnd(absl::ZeroDuration()));
  EXPECT_FALSE(child->AwaitEnd(absl::Milliseconds(5)));
  child->Signal(SIGTERM);
  EXPECT_TRUE(child->AwaitEnd(absl::Seconds(20)));
  EXPECT_EQ(child->Wait().signal, SIGTERM);
  EXPECT_TRUE(child->AwaitEnd(absl::ZeroDuration()));
}

TEST(ChildProcessTest, LinesAreWaitedFor) {
  auto child = Shell("echo not this one ready; echo starting >&2; echo 'ready port=81' >&2; exec sleep 1000",
                     Output::kLogLines);
  const auto line = child->AwaitLine("ready", absl::Seconds(20));
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(*line, "ready port=81");
}

TEST(ChildProcessTest, ALineThatDoesNotComeIsAnErrorWithTheLastWords) {
  auto ended = Shell("echo 'cannot listen' >&2; exit 3", Output::kLogLines);
  const auto line = ended->AwaitLine("ready", absl::Seconds(20));
  EXPECT_TRUE(absl::IsAborted(line.status())) << line.status();
  EXPECT_NE(line.status().message().find("cannot listen"), absl::string_view::npos) << line.status();
  EXPECT_EQ(ended->Wait().code, 3);
  auto silent = Shell("exec sleep 1000", Output::kLogLines);
  EXPECT_TRUE(absl::IsDeadlineExceeded(silent->AwaitLine("ready", absl::Milliseconds(5)).status()));
}

TEST(ChildProcessTest, WhatItStartedEndsWithIt) {
  auto child = Shell("sleep 1000 & echo there >&2", Output::kLogLines);  // it holds the log open
  ASSERT_TRUE(child->AwaitLine("there", absl::Seconds(20)).ok());
  EXPECT_EQ(child->Wait().code, 0);
  EXPECT_TRUE(absl::IsAborted(child->AwaitLine("never", absl::Seconds(20)).status())) << "the log has ended";
}

TEST(ChildProcessTest, DiesWithTheThreadThatStartedIt) {
  std::unique_ptr<ChildProcess> child;
  std::thread([&] { child = Shell("trap '' TERM HUP INT; while :; do :; done"); }).join();
  EXPECT_EQ(child->Wait().signal, SIGKILL);
}

TEST(ChildProcessTest, TheDestructorLeavesNothingBehind) {
  pid_t pid = 0;
  {
    auto child = Shell("trap '' TERM; while :; do :; done");
    pid = child->pid();
    EXPECT_EQ(kill(pid, 0), 0);
    child->Signal(SIGSTOP);  // even so
  }
  EXPECT_NE(kill(pid, 0), 0);
}

}  // namespace
}  // namespace hekla::service
