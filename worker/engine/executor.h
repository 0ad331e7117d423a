// An Executor computes Batches with one model: a Vulkan device, or the processor. Several steps may be in flight.
//
// Thread rule: one thread, the engine's. Lifetime: the model file stays open until the executor is gone.
#ifndef HEKLA_WORKER_ENGINE_EXECUTOR_H_
#define HEKLA_WORKER_ENGINE_EXECUTOR_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "worker/schedule/batch.h"

namespace hekla::engine {

// What the executor has room for, fixed when it is made.
struct Limits {
  int max_sequences = 0;   // slots
  int max_context = 0;     // tokens of one sequence
  int max_rows = 0;        // tokens of one step
  int max_samples = 0;     // sampled rows of one step
  int kv_blocks = 0;       // blocks of schedule::kBlockTokens tokens
  int max_in_flight = 0;   // steps submitted and not yet awaited
  int vocabulary = 0;
};

// Seconds of a step by phase, summed over all steps; the worker exports them.
struct PhaseSeconds {
  double build = 0, load = 0, submit = 0, execute = 0, readback = 0;
};

// Kernels that were asked for, over all time: found made, or made then, which took so long.
struct KernelCounts {
  uint64_t hits = 0, misses = 0;
  double compile_seconds = 0;
};

class Executor {
 public:
  virtual ~Executor() = default;
  virtual const Limits& limits() const = 0;
  virtual std::string device_name() const = 0;

  // Queues one step and returns at once. FAILED_PRECONDITION beyond max_in_flight, INVALID_ARGUMENT beyond another limit.
  virtual absl::Status Submit(const schedule::Batch& batch) = 0;

  // Waits for the oldest step not yet awaited. UNAVAILABLE "device lost" is final: the process must end.
  virtual absl::Status Await(schedule::BatchResult* result) = 0;

  virtual PhaseSeconds phase_seconds() const = 0;
  virtual uint64_t device_memory_bytes() const = 0;
  // What the device has; 0 = not known.
  virtual uint64_t device_memory_budget_bytes() const = 0;
  // Weight and KV bytes read from device memory since the start, as counted from shapes.
  virtual uint64_t device_bytes_read() const = 0;
  // All zero where nothing is compiled.
  virtual KernelCounts kernel_counts() const { return {}; }
};

}  // namespace hekla::engine

#endif  // HEKLA_WORKER_ENGINE_EXECUTOR_H_
