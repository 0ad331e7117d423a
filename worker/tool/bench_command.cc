// `hekla-model bench`: prompt and decode speed of a model on a device, beside the bytes that decode must read and what the device reads
// at best. Steps are queued ahead as the worker's engine does, so the figures are those of serving without the service.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "worker/base/status_macros.h"
#include "worker/cpu/bandwidth_probe.h"
#include "worker/engine/vulkan_executor.h"
#include "worker/tool/command.h"
#include "worker/tool/open_model.h"
#include "worker/vulkan/bandwidth_probe.h"

namespace hekla::tool {
namespace {

constexpr uint64_t kProbeBytes = uint64_t{1} << 30, kHostProbeBytes = uint64_t{256} << 20;
constexpr int kProfiledSteps = 8;
constexpr int64_t kMaxTokens = 1 << 20, kMaxSequences = 1024;

struct BenchOptions {
  std::string model_path;
  int64_t prompt_tokens = 512;
  int64_t decode_tokens = 128;
  std::vector<int64_t> sequences = {1, 8, 32};
  int64_t chunk = 512;
  int64_t repeats = 1;
  std::string device = "auto";
  bool json = false, profile = false;
};

struct BenchRow {
  int sequences = 0;
  double prefill_tokens_per_second = 0, decode_tokens_per_second = 0;
  double step_us = 0, host_us_per_token = 0;
  double bytes_per_token = 0, achieved_bytes_per_second = 0;
  int launches = 0, dependent_launches = 0;      // of one decode step; 0 where the device does not launch
  engine::PhaseSeconds phases;                   // of the decode, seconds
};

// Runs `sequences` sequences side by side over an executor, steps queued ahead. Token ids are arbitrary: speed does not depend on them.
class Load {
 public:
  Load(engine::Executor* executor, int sequences)
      : executor_(executor), sequences_(sequences), lengths_(sequences, 0), blocks_(sequences, 0) {
    for (int s = 0; s < sequences; ++s) pending_slots_.push_back(s);
  }

  // Every sequence's prompt, in steps of at most `chunk` rows.
  absl::Status Prefill(int tokens, int chunk) {
    schedule::Batch batch;
    for (int s = 0; s < sequences_; ++s) {
      for (int t = 0; t < tokens; ++t) {
        AddRow(s, (7 * t + s) % executor_->limits().vocabulary, &batch);
        if (t + 1 == tokens) batch.samples.push_back({static_cast<int>(batch.rows.size()) - 1, s});
        if (static_cast<int>(batch.rows.size()) == chunk) HEKLA_RETURN_IF_ERROR(Submit(&batch));
      }
    }
    if (!batch.rows.empty()) HEKLA_RETURN_IF_ERROR(Submit(&batch));
    return Drain();
  }

  absl::Status Decode(int steps) {
    schedule::Batch batch;
    for (int i = 0; i < steps; ++i) {
      AddDecodeRows(&batch);
      HEKLA_RETURN_IF_ERROR(Submit(&batch));
    }
    return Drain();
  }

  // One decode step, its launches timed.
  absl::StatusOr<std::vector<engine::VulkanExecutor::LaunchTime>> Profile(engine::VulkanExecutor* vulkan) {
    schedule::Batch batch;
    AddDecodeRows(&batch);
    batch.step = ++step_;
    return vulkan->Profile(batch);
  }

 private:
  void AddDecodeRows(schedule::Batch* batch) {
    for (int s = 0; s < sequences_; ++s) {
      AddRow(s, schedule::kFromDevice, batch);
      batch->samples.push_back({s, s});
    }
  }

  void AddRow(int s, schedule::TokenId token, schedule::Batch* batch) {
    if (lengths_[s] % schedule::kBlockTokens == 0) {
      const int per_sequence = executor_->limits().kv_blocks / executor_->limits().max_sequences;
      batch->blocks.push_back({s, blocks_[s], s * per_sequence + blocks_[s]});
      ++blocks_[s];
    }
    batch->rows.push_back({s, lengths_[s]++, token});
  }

  absl::Status Submit(schedule::Batch* batch) {
    for (int s : pending_slots_) batch->slots.push_back({s, {}, {}, 0});
    pending_slots_.clear();
    batch->step = ++step_;
    while (in_flight_ >= executor_->limits().max_in_flight) HEKLA_RETURN_IF_ERROR(AwaitOne());
    HEKLA_RETURN_IF_ERROR(executor_->Submit(*batch));
    ++in_flight_;
    batch->Clear();
    return absl::OkStatus();
  }

  absl::Status AwaitOne() {
    --in_flight_;
    return executor_->Await(&result_);
  }

  absl::Status Drain() {
    while (in_flight_ > 0) HEKLA_RETURN_IF_ERROR(AwaitOne());
    return absl::OkStatus();
  }

  engine::Executor* executor_;
  int sequences_;
  std::vector<int> lengths_, blocks_, pending_slots_;
  schedule::BatchResult result_;
  uint64_t step_ = 0;
  int in_flight_ = 0;
};

engine::PhaseSeconds Minus(const engine::PhaseSeconds& a, const engine::PhaseSeconds& b) {
  return {a.build - b.build, a.load - b.load, a.submit - b.submit, a.execute - b.execute, a.readback - b.readback};
}

absl::StatusOr<BenchRow> Measure(const BenchOptions& options, int sequences, engine::Executor* executor) {
  BenchRow row;
  row.sequences = sequences;
  const int prompt = static_cast<int>(options.prompt_tokens), steps = static_cast<int>(options.decode_tokens);
  for (int64_t repeat = 0; repeat < options.repeats; ++repeat) {
    Load load(executor, sequences);
    std::fprintf(stderr, "\r\033[K%d sequence(s): prompt of %d", sequences, prompt);
    const absl::Time begin = absl::Now();
    HEKLA_RETURN_IF_ERROR(load.Prefill(prompt, std::min<int>(options.chunk, executor->limits().max_rows)));
    const absl::Time middle = absl::Now();
    std::fprintf(stderr, ", decode of %d ", steps);
    HEKLA_RETURN_IF_ERROR(load.Decode(1));   // records the step
    const engine::PhaseSeconds before = executor->phase_seconds();
    const uint64_t bytes_before = executor->device_bytes_read();
    const absl::Time start = absl::Now();
    HEKLA_RETURN_IF_ERROR(load.Decode(steps));
    const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
    const double decode_rate = sequences * steps / seconds;
    row.prefill_tokens_per_second = std::max(row.prefill_tokens_per_second, sequences * prompt / absl::ToDoubleSeconds(middle - begin));
    if (decode_rate < row.decode_tokens_per_second) continue;   // the best of the repeats
    row.decode_tokens_per_second = decode_rate;
    row.step_us = seconds * 1e6 / steps;
    const double bytes = static_cast<double>(executor->device_bytes_read() - bytes_before);
    row.bytes_per_token = bytes / (sequences * steps);
    row.achieved_bytes_per_second = bytes / seconds;
    row.phases = Minus(executor->phase_seconds(), before);
    row.host_us_per_token = (row.phases.build + row.phases.load + row.phases.submit + row.phases.readback) * 1e6 / (sequences * steps);
  }
  if (auto* vulkan = dynamic_cast<engine::VulkanExecutor*>(executor)) {
    HEKLA_ASSIGN_OR_RETURN(const auto counts, vulkan->LaunchesAndBarriers(sequences, prompt + steps, sequences));
    row.launches = counts.first;
    row.dependent_launches = counts.second + 1;
  }
  std::fprintf(stderr, "\r\033[K");
  return row;
}

// Device time of a decode step by launch, the mean of some steps.
absl::Status PrintProfile(const BenchOptions& options, int sequences, engine::VulkanExecutor* vulkan) {
  struct Sum {
    int count = 0;
    double us = 0;
  };
  std::map<std::string, Sum> sums;
  double total_us = 0;
  Load load(vulkan, sequences);
  HEKLA_RETURN_IF_ERROR(load.Prefill(static_cast<int>(options.prompt_tokens), vulkan->limits().max_rows));
  HEKLA_RETURN_IF_ERROR(load.Decode(1));
  for (int i = 0; i < kProfiledSteps; ++i) {
    HEKLA_ASSIGN_OR_RETURN(const auto times, load.Profile(vulkan));
    for (const auto& time : times) {
      Sum& sum = sums[time.launch];
      ++sum.count, sum.us += time.us / kProfiledSteps, total_us += time.us / kProfiledSteps;
    }
  }
  std::cout << absl::StrFormat("%d sequence(s), launches of a decode step one at a time: %.0f us\n", sequences, total_us);
  for (const auto& [launch, sum] : sums) {
    const int count = sum.count / kProfiledSteps;
    std::cout << absl::StrFormat("%5d x %-40s %9.2f us %9.1f us in all %6.1f%%\n", count, launch, sum.us / count, sum.us,
                                 100 * sum.us / total_us);
  }
  return absl::OkStatus();
}

std::string JsonEscape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04x", c);
    } else {
      out += c;
    }
  }
  return out;
}

void PrintJson(const BenchOptions& options, const std::string& model, const std::string& device, double limit,
               const std::vector<BenchRow>& rows) {
  std::cout << "[";
  for (size_t i = 0; i < rows.size(); ++i) {
    const BenchRow& r = rows[i];
    std::cout
        << (i == 0 ? "\n" : ",\n")
        << absl::StrFormat(
               R"( {"model": "%s", "device": "%s", "sequences": %d, "prompt_tokens": %d, "decode_tokens": %d, )"
               R"("prefill_tokens_per_second": %.2f, "decode_tokens_per_second": %.2f, "bytes_per_token": %.0f, )"
               R"("achieved_bytes_per_second": %.0f, "limit_bytes_per_second": %.0f, "launches_per_token": %.2f, )"
               R"("dependent_launches_per_step": %d, "step_us": %.1f, "host_us_per_token": %.2f, )"
               R"("phases_seconds": {"build": %.6f, "load": %.6f, "submit": %.6f, "execute": %.6f, "readback": %.6f}})",
               JsonEscape(model), JsonEscape(device), r.sequences, options.prompt_tokens,
               options.decode_tokens, r.prefill_tokens_per_second, r.decode_tokens_per_second,
               r.bytes_per_token, r.achieved_bytes_per_second, limit,
               static_cast<double>(r.launches) / r.sequences, r.dependent_launches, r.step_us,
               r.host_us_per_token, r.phases.build, r.phases.load, r.phases.submit, r.phases.execute,
               r.phases.readback);
  }
  std::cout << "\n]\n";
}

void PrintTable(const BenchOptions& options, const std::string& model, const std::string& device, double limit,
                const std::vector<BenchRow>& rows) {
  std::cout << absl::StrFormat("%s on %s; reads at best %.1f GB/s; prompt %d, decode %d tokens a sequence\n",
                               model, device, limit / 1e9, options.prompt_tokens, options.decode_tokens)
            << "seqs  prompt tok/s  decode tok/s   step us  MB/token     GB/s  of limit  launches  dependent "
               " us/dependent  host us/token\n";
  for (const BenchRow& r : rows) {
    std::cout << absl::StrFormat(
        "%4d  %12.1f  %12.1f  %8.0f  %8.2f  %7.1f  %7.1f%%  %8d  %9d  %12.2f  %13.2f\n", r.sequences,
        r.prefill_tokens_per_second, r.decode_tokens_per_second, r.step_us, r.bytes_per_token / 1e6,
        r.achieved_bytes_per_second / 1e9, 100 * r.achieved_bytes_per_second / limit,
        r.launches, r.dependent_launches, r.dependent_launches > 0 ? r.step_us / r.dependent_launches : 0,
        r.host_us_per_token);
  }
}

absl::Status Bench(const BenchOptions& options) {
  if (options.sequences.empty()) return absl::InvalidArgumentError("-b is empty");
  if (options.json && options.profile) return absl::InvalidArgumentError("--json and --profile exclude each other");
  HEKLA_ASSIGN_OR_RETURN(const PlannedModel model, PlanModel(options.model_path));
  engine::ExecutorOptions room;
  room.max_sequences = static_cast<int>(*std::max_element(options.sequences.begin(), options.sequences.end()));
  room.max_context = static_cast<int>(options.prompt_tokens + options.decode_tokens + 2 + kProfiledSteps);
  room.max_rows = static_cast<int>(std::max<int64_t>(
      std::min(options.chunk, options.prompt_tokens * room.max_sequences), room.max_sequences));
  room.max_samples = room.max_sequences;
  HEKLA_ASSIGN_OR_RETURN(const std::unique_ptr<engine::Executor> executor, LoadModel(model, options.device, room));
  auto* const vulkan = dynamic_cast<engine::VulkanExecutor*>(executor.get());
  if (options.profile && vulkan == nullptr) return absl::InvalidArgumentError("--profile needs a Vulkan device");
  double limit = 0;
  if (vulkan == nullptr) {
    limit = cpu::MeasureReadBandwidth(kHostProbeBytes, std::max(1u, std::thread::hardware_concurrency()));
  } else {
    const absl::StatusOr<double> measured = vulkan::MeasureReadBandwidth(&vulkan->device(), kProbeBytes);
    if (!measured.ok()) return WithContext(measured.status(), "measuring the read bandwidth");
    limit = *measured;
  }
  std::vector<BenchRow> rows;
  for (int64_t sequences : options.sequences) {
    HEKLA_ASSIGN_OR_RETURN(BenchRow row, Measure(options, static_cast<int>(sequences), executor.get()));
    rows.push_back(row);
  }
  const std::string& name = model.plan.config.name;
  if (options.json) {
    PrintJson(options, name, executor->device_name(), limit, rows);
  } else {
    PrintTable(options, name, executor->device_name(), limit, rows);
  }
  if (options.profile) {
    for (const int64_t sequences : options.sequences) {
      HEKLA_RETURN_IF_ERROR(PrintProfile(options, static_cast<int>(sequences), vulkan));
    }
  }
  return absl::OkStatus();
}

}  // namespace

int BenchCommand(const std::vector<std::string>& words) {
  BenchOptions options;
  Arguments arguments(
      "bench",
      "Measures prompt and decode speed.\n"
      "Decode reads all weights once a step; GB/s counts them and the KV cache, and `of limit` divides by "
      "the device's own\n"
      "read bandwidth, measured first. `dependent` launches are those that wait for the one before.");
  arguments.AddPositional("FILE", "the model file", &options.model_path);
  arguments.AddInt("-p", "N", "prompt tokens of a sequence", 1, kMaxTokens, &options.prompt_tokens);
  arguments.AddInt("-n", "N", "tokens to decode", 1, kMaxTokens, &options.decode_tokens);
  arguments.AddIntList("-b", "N,N", "sequences side by side, a row of the table each", 1, kMaxSequences, &options.sequences);
  arguments.AddInt("--chunk", "N", "tokens of a prefill step", 1, 65536, &options.chunk);
  arguments.AddInt("--repeats", "N", "take the best of so many runs", 1, 100, &options.repeats);
  arguments.AddString("--device", "D", "auto, vulkan:N or cpu", &options.device);
  arguments.AddSwitch("--profile", "also print the device time of each launch of a decode step", &options.profile);
  arguments.AddSwitch("--json", "print one JSON array, an object a row", &options.json);
  return RunCommand(arguments, words, [&] { return Bench(options); });
}

}  // namespace hekla::tool
