// Packs a Batch into one entry of the step input ring (kernels/params.h), as begin_step reads it.
#ifndef HEKLA_WORKER_ENGINE_STEP_INPUT_H_
#define HEKLA_WORKER_ENGINE_STEP_INPUT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "kernels/params.h"
#include "worker/engine/executor.h"
#include "worker/schedule/batch.h"

namespace hekla::engine {

// Word offsets that follow from the limits.
struct StepInputLayout {
  explicit StepInputLayout(const Limits& limits);

  uint32_t max_blocks;        // of one sequence
  uint32_t bias_offset;       // word of a slot's state where the bias pairs start
  uint32_t slot_stride;       // words of a slot's state
  uint32_t history_stride;    // words of a slot's history
  uint32_t samples_offset;    // words from an entry's start
  uint32_t pokes_offset;
  uint32_t max_pokes;
  uint32_t entry_words;
};

// INVALID_ARGUMENT names the field, value and limit. `entry` has layout.entry_words words.
absl::Status PackStepInput(const schedule::Batch& batch, const Limits& limits, const StepInputLayout& layout, uint32_t* entry);

}  // namespace hekla::engine

#endif  // HEKLA_WORKER_ENGINE_STEP_INPUT_H_
