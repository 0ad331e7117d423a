// Real processes: shells that end in the ways that workers do.
#include "service/router/worker_supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/support/service/router_fixture.h"

namespace hekla::service {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Pair;

// Waits of a millisecond, the real count of exits.
constexpr RestartLimits kQuick = {absl::Milliseconds(1), absl::Milliseconds(4), absl::Minutes(2), 5};

SupervisedWorkers Shells(const std::vector<std::string>& scripts, RestartLimits limits = kQuick) {
  SupervisedWorkers workers{"/bin/sh", {}, limits};
  for (const std::string& script : scripts) workers.arguments.push_back({"-c", script});
  return workers;
}

class Folder {
 public:
  Folder() {
    std::string name = testing::TempDir() + "supervisorXXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string File(const std::string& name) const { return path_ + "/" + name; }
  // Of a file that a script appends to.
  int Lines(const std::string& name) const {
    std::ifstream file(File(name));
    std::string line;
    int count = 0;
    while (std::getline(file, line)) ++count;
    return count;
  }

 private:
  std::string path_;
};

constexpr char kStay[] = "while :; do sleep 1 & wait; done";

TEST(WorkerSupervisorTest, StartsAWorkerThatEndedAgainAndCountsWhy) {
  Folder folder;
  const std::string starts = folder.File("starts");
  // The first life loses its device, the second is killed, the third stays.
  const std::string script = absl::StrCat("echo >> '", starts, "'; case $(wc -l < '", starts,
                                          "') in 1) exit 75;; 2) kill -9 $$;; *) ", kStay, ";; esac");
  WorkerSupervisor supervisor(Shells({script}));
  ASSERT_TRUE(Eventually([&] { return folder.Lines("starts") == 3; }));
  EXPECT_THAT(supervisor.States(), Contains(Pair("running", 1)));
  EXPECT_THAT(supervisor.Exits(), ElementsAre(Pair("device_lost", 1), Pair("ended", 0), Pair("failed", 0),
                                              Pair("no_start", 0), Pair("signal", 1)));
}

TEST(WorkerSupervisorTest, ParksAWorkerAtItsFifthExitAndLeavesTheOthersAlone) {
  Folder folder;
  const std::string script = absl::StrCat("echo >> '", folder.File("starts"), "'; exit 1");
  WorkerSupervisor supervisor(Shells({script, kStay}));
  ASSERT_TRUE(Eventually([&] { return supervisor.States()["parked"] == 1; }));
  EXPECT_TRUE(Eventually([&] { return supervisor.States()["running"] == 1; }));
  EXPECT_EQ(folder.Lines("starts"), 5);
  EXPECT_EQ(supervisor.Exits()["failed"], 5);
}

TEST(WorkerSupervisorTest, WrongFlagsAreNotTriedAgain) {
  WorkerSupervisor supervisor(Shells({"exit 2"}));
  ASSERT_TRUE(Eventually([&] { return supervisor.States()["parked"] == 1; }));
  EXPECT_EQ(supervisor.Exits()["failed"], 1);
}

TEST(WorkerSupervisorTest, AProgramThatCannotRunIsParked) {
  WorkerSupervisor supervisor({"/nowhere/hekla-worker", {{}}, kQuick});
  ASSERT_TRUE(Eventually([&] { return supervisor.States()["parked"] == 1; }));
  EXPECT_EQ(supervisor.Exits()["no_start"], 5);
}

TEST(WorkerSupervisorTest, StopAsksFirst) {
  Folder folder;
  const std::string script = absl::StrCat("trap 'echo > \"", folder.File("asked"),
                                          "\"; exit 0' TERM; echo > '", folder.File("ready"), "'; ", kStay);
  WorkerSupervisor supervisor(Shells({script}));
  ASSERT_TRUE(Eventually([&] { return folder.Lines("ready") == 1; }));
  supervisor.Stop(absl::InfiniteDuration());
  EXPECT_EQ(folder.Lines("asked"), 1);
  EXPECT_EQ(supervisor.Exits()["ended"], 0) << "an end that was asked for is none to count";
}

TEST(WorkerSupervisorTest, StopKillsAfterItsLimit) {
  Folder folder;
  const std::string script =
      absl::StrCat("trap '' TERM; echo $$ > '", folder.File("pid"), "'; while :; do :; done");
  WorkerSupervisor supervisor(Shells({script}));
  ASSERT_TRUE(Eventually([&] { return folder.Lines("pid") == 1; }));
  supervisor.Stop(absl::Milliseconds(1));
  pid_t pid = 0;
  std::ifstream(folder.File("pid")) >> pid;
  EXPECT_NE(kill(pid, 0), 0);
}

TEST(WorkerSupervisorTest, StopDoesNotWaitForTheNextStart) {
  RestartLimits slow = kQuick;
  slow.first_wait = slow.longest_wait = absl::Hours(1);
  WorkerSupervisor supervisor(Shells({"exit 1"}, slow));
  ASSERT_TRUE(Eventually([&] { return supervisor.Exits()["failed"] == 1; }));
  EXPECT_EQ(supervisor.States()["waiting"], 1);
  supervisor.Stop(absl::InfiniteDuration());
}

TEST(WorkerSupervisorTest, FlagsOfAWorker) {
  EXPECT_THAT(SpawnedWorkerArguments({"--device", "vulkan:{n}", "--metrics-listen=127.0.0.1:910{n}"}, 3,
                                     "127.0.0.1:8091"),
              ElementsAre("--device", "vulkan:3", "--metrics-listen=127.0.0.1:9103",
                          "--router=127.0.0.1:8091", "--id=worker-3"));
  EXPECT_THAT(SpawnedWorkerArguments({"--router", "a:1", "--id=gpu{n}"}, 0, "b:2"),
              ElementsAre("--router", "a:1", "--id=gpu0"));
}

TEST(WorkerSupervisorTest, ARouterWithoutAProgramForItsWorkersDoesNotStart) {
  RouterConfig config;
  config.listen = config.admin_listen = "127.0.0.1:0";
  config.metrics_listen = "";
  config.spawn_workers = 1;
  config.spawn_program = "/nowhere/hekla-worker";
  const absl::Status status = Router::Start(config).status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_NE(status.message().find("/nowhere/hekla-worker"), absl::string_view::npos) << status;
}

}  // namespace
}  // namespace hekla::service
