#include "service/runtime/child_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

namespace hekla::service {
namespace {

std::unique_ptr<ChildProcess> Shell(const std::string& script) {
  auto child = ChildProcess::Start("/bin/sh", {"-c", script});
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
}

TEST(ChildProcessTest, DiesWithTheThreadThatStartedIt) {
  std::unique_ptr<ChildProcess> child;
  std::thread([&] { child = Shell("trap '' TERM HUP INT; while :; do :; done"); }).join();
  EXPECT_EQ(child->Wait().signal, SIGKILL);
}

TEST(ChildProcessTest, TheDestructorLeavesNothingBehind) {
  pid_t pid = 0;
  {
    auto child = Shell("while :; do :; done");
    pid = child->pid();
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_NE(kill(pid, 0), 0);
}

}  // namespace
}  // namespace hekla::service
