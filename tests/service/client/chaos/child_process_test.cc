#include "service/client/chaos/child_process.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>

#include "absl/strings/match.h"
#include "absl/time/clock.h"

namespace hekla::chaos {
namespace {

std::unique_ptr<ChildProcess> Shell(const std::string& script) {
  auto child = ChildProcess::Start("/bin/sh", {"-c", script});
  EXPECT_TRUE(child.ok()) << child.status();
  return *std::move(child);
}

TEST(ChildProcessTest, LinesAreWaitedFor) {
  const auto child = Shell("echo starting >&2; echo 'ready port=81 admin_port=82' >&2; exec sleep 1000");
  const auto line = child->AwaitLine("ready", absl::Seconds(20));
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(LogValue(*line, "port"), "81");
  EXPECT_EQ(LogValue(*line, "admin_port"), "82");
  EXPECT_EQ(LogValue(*line, "none"), "");
  EXPECT_FALSE(child->Wait(absl::ZeroDuration()).has_value());
  child->Signal(SIGTERM);
  const auto status = child->Wait(absl::Seconds(20));
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(WIFSIGNALED(*status) && WTERMSIG(*status) == SIGTERM);
  child->Signal(SIGKILL);  // it is gone: does nothing
}

TEST(ChildProcessTest, WhatDoesNotComeIsAnErrorWithTheLastWords) {
  const auto ended = Shell("echo 'cannot listen' >&2; exit 3");
  const auto line = ended->AwaitLine("ready", absl::Seconds(20));
  EXPECT_TRUE(absl::IsAborted(line.status())) << line.status();
  EXPECT_TRUE(absl::StrContains(line.status().message(), "cannot listen"));
  const auto status = ended->Wait(absl::Seconds(20));
  EXPECT_TRUE(status.has_value() && WEXITSTATUS(*status) == 3);
  const auto silent = Shell("exec sleep 1000");
  EXPECT_TRUE(absl::IsDeadlineExceeded(silent->AwaitLine("ready", absl::Milliseconds(5)).status()));
  EXPECT_TRUE(absl::IsNotFound(ChildProcess::Start("/does/not/exist", {}).status()));
}

TEST(ChildProcessTest, EndsWithItsOwner) {
  pid_t pid = 0;
  {
    const auto child = Shell("trap '' TERM; echo up >&2; while :; do sleep 1000; done");
    EXPECT_TRUE(child->AwaitLine("up", absl::Seconds(20)).ok());
    pid = child->pid();
    child->Signal(SIGSTOP);  // even so
  }
  EXPECT_EQ(kill(pid, 0), -1);
}

}  // namespace
}  // namespace hekla::chaos
