// From a model file to a warm engine, with progress and the seconds each phase took.
#ifndef HEKLA_WORKER_MODEL_LOADING_H_
#define HEKLA_WORKER_MODEL_LOADING_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "worker/config.h"
#include "worker/engine/engine.h"
#include "worker/metrics_source.h"
#include "worker/model/gguf.h"
#include "worker/model/plan.h"
#include "worker/served_model.h"

namespace hekla::worker {

struct LoadedModel {
  std::unique_ptr<model::Gguf> file;  // outlives the engine
  std::unique_ptr<model::Plan> plan;
  std::unique_ptr<text::Tokenizer> tokenizer;
  std::unique_ptr<engine::Engine> engine;
  ServedModel served;
  LoadSeconds seconds;
};

struct LoadCallbacks {
  std::function<void(uint64_t done_bytes, uint64_t total_bytes)> weight_progress;  // may be empty
  std::function<void(const absl::Status&)> on_fatal;                               // the engine's
};

// Errors name the file: as Gguf::Open, LoadVocabulary, Tokenizer::Create, BuildPlan and MakeExecutor;
// INVALID_ARGUMENT when the configuration does not fit the model.
absl::StatusOr<LoadedModel> LoadModel(const WorkerConfig& config, const LoadCallbacks& callbacks);

// The limits in effect: context and KV tokens, with the defaults of WorkerConfig filled in from the model.
// INVALID_ARGUMENT: a context longer than the model was trained for, or one that its KV memory cannot hold.
struct MemoryLimits {
  int max_context = 0;
  int kv_blocks = 0;
};
absl::StatusOr<MemoryLimits> ChooseLimits(const WorkerConfig& config, const model::ModelConfig& model);

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_MODEL_LOADING_H_
