#include "service/router/worker_supervisor.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "service/runtime/log.h"

namespace hekla::service {
namespace {

// Exit codes of hekla-worker.
constexpr int kExitUsage = 2;        // its flags are wrong: they will be the next time, too
constexpr int kExitDeviceLost = 75;  // a new process may get the device again

constexpr const char* kStates[] = {"running", "waiting", "parked"};
constexpr const char* kCauses[] = {"device_lost", "signal", "failed", "ended", "no_start"};

bool HasFlag(const std::vector<std::string>& flags, const std::string& name) {
  return std::any_of(flags.begin(), flags.end(), [&](const std::string& flag) {
    return flag == name || absl::StartsWith(flag, name + "=");
  });
}

std::string CauseOf(const ExitStatus& status) {
  if (status.signal != 0) return "signal";
  if (status.code == kExitDeviceLost) return "device_lost";
  return status.code == 0 ? "ended" : "failed";
}

// Where workers of this machine find the router's admin port.
std::string RouterAddress(const std::string& admin_listen, int admin_port) {
  std::string host = admin_listen.substr(0, admin_listen.rfind(':'));
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "[::]") host = "[::1]";
  return absl::StrCat(host, ":", admin_port);
}

}  // namespace

std::vector<std::string> SpawnedWorkerArguments(const std::vector<std::string>& flags, int number,
                                                const std::string& router_address) {
  std::vector<std::string> arguments;
  for (const std::string& flag : flags) {
    arguments.push_back(absl::StrReplaceAll(flag, {{"{n}", absl::StrCat(number)}}));
  }
  if (!HasFlag(flags, "--router")) arguments.push_back("--router=" + router_address);
  if (!HasFlag(flags, "--id")) arguments.push_back(absl::StrCat("--id=worker-", number));
  return arguments;
}

absl::StatusOr<std::unique_ptr<WorkerSupervisor>> WorkerSupervisor::Start(const RouterConfig& config,
                                                                          int admin_port, Metrics* metrics) {
  SupervisedWorkers workers;
  workers.program = config.spawn_program;
  if (workers.program.empty()) {
    std::error_code error;
    workers.program = std::filesystem::read_symlink("/proc/self/exe", error).replace_filename("hekla-worker");
  }
  if (access(workers.program.c_str(), X_OK) != 0) {
    return absl::NotFoundError(absl::StrCat("--spawn-workers: there is no program ", workers.program,
                                            "; --spawn-program names another"));
  }
  const std::string address = RouterAddress(config.admin_listen, admin_port);
  for (int i = 0; i < config.spawn_workers; ++i) {
    workers.arguments.push_back(SpawnedWorkerArguments(config.spawn_flags, i, address));
  }
  auto supervisor = std::make_unique<WorkerSupervisor>(std::move(workers));
  supervisor->AddMetrics(metrics);
  return supervisor;
}

WorkerSupervisor::WorkerSupervisor(SupervisedWorkers workers) : workers_(std::move(workers)) {
  for (size_t i = 0; i < workers_.arguments.size(); ++i) {
    slots_.push_back(std::make_unique<Slot>());
    slots_.back()->number = static_cast<int>(i);
  }
  for (const std::unique_ptr<Slot>& slot : slots_) {
    slot->thread = std::thread([this, each = slot.get()] { Supervise(each); });
  }
}

WorkerSupervisor::~WorkerSupervisor() { Stop(absl::ZeroDuration()); }

void WorkerSupervisor::Stop(absl::Duration limit) {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    SignalAll(SIGTERM);
    if (!mutex_.AwaitWithTimeout(absl::Condition(this, &WorkerSupervisor::AllEnded), limit))
      SignalAll(SIGKILL);
  }
  for (const std::unique_ptr<Slot>& slot : slots_) {
    if (slot->thread.joinable()) slot->thread.join();
  }
}

void WorkerSupervisor::SignalAll(int number) {
  for (const std::unique_ptr<Slot>& slot : slots_) {
    if (slot->child != nullptr) slot->child->Signal(number);
  }
}

bool WorkerSupervisor::AllEnded() const {
  return std::all_of(slots_.begin(), slots_.end(), [](const auto& slot) { return slot->child == nullptr; });
}

std::string WorkerSupervisor::RunOnce(Slot* slot, int* code) {
  ChildProcess* child = nullptr;
  {
    // Under the lock, so that Stop either prevents the start or signals the process.
    absl::MutexLock lock(&mutex_);
    if (stopping_) return "";
    auto started = ChildProcess::Start(workers_.program, workers_.arguments[slot->number]);
    if (!started.ok()) {
      Log(LogLevel::kError, "spawned_worker_not_started",
          {{"number", slot->number}, {"error", started.status().message()}});
      return "no_start";
    }
    slot->child = *std::move(started);
    slot->state = "running";
    child = slot->child.get();
    Log(LogLevel::kInfo, "spawned_worker_started", {{"number", slot->number}, {"pid", child->pid()}});
  }
  const ExitStatus status = child->Wait();
  absl::MutexLock lock(&mutex_);
  slot->child.reset();
  slot->state = "waiting";
  *code = status.signal != 0 ? -status.signal : status.code;
  return CauseOf(status);
}

void WorkerSupervisor::Supervise(Slot* slot) {
  RestartPolicy policy(workers_.limits);
  while (true) {
    const absl::Time started = absl::Now();
    int code = 0;
    const std::string cause = RunOnce(slot, &code);
    const absl::Time now = absl::Now();
    std::optional<absl::Duration> wait = policy.OnExit(now, now - started);
    if (cause == "failed" && code == kExitUsage) wait.reset();
    absl::MutexLock lock(&mutex_);
    if (stopping_) return;
    ++exits_[cause];
    if (!wait.has_value()) {
      slot->state = "parked";
      Log(LogLevel::kError, "spawned_worker_parked",
          {{"number", slot->number}, {"cause", cause}, {"code", code}});
      return;
    }
    Log(LogLevel::kWarning, "spawned_worker_ended",
        {{"number", slot->number},
         {"cause", cause},
         {"code", code},
         {"again_in", absl::FormatDuration(*wait)}});
    if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), *wait)) return;
  }
}

std::map<std::string, int> WorkerSupervisor::States() const {
  std::map<std::string, int> states;
  for (const char* state : kStates) states[state] = 0;
  absl::MutexLock lock(&mutex_);
  for (const std::unique_ptr<Slot>& slot : slots_) ++states[slot->state];
  return states;
}

std::map<std::string, int64_t> WorkerSupervisor::Exits() const {
  absl::MutexLock lock(&mutex_);
  std::map<std::string, int64_t> exits = exits_;
  for (const char* cause : kCauses) exits.try_emplace(cause, 0);
  return exits;
}

void WorkerSupervisor::AddMetrics(Metrics* metrics) {
  metrics->AddGauges("hekla_router_spawned_workers", "Workers of --spawn-workers, by state.", [this] {
    std::vector<Sample> samples;
    for (const auto& [state, count] : States())
      samples.push_back({{{"state", state}}, static_cast<double>(count)});
    return samples;
  });
  metrics->AddReadCounters("hekla_router_spawned_worker_exits_total",
                           "Ends of workers of --spawn-workers that were not asked for, by cause.", [this] {
                             std::vector<Sample> samples;
                             for (const auto& [cause, count] : Exits()) {
                               samples.push_back({{{"cause", cause}}, static_cast<double>(count)});
                             }
                             return samples;
                           });
}

}  // namespace hekla::service
