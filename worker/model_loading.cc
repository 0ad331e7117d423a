#include "worker/model_loading.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "service/runtime/log.h"
#include "worker/base/status_macros.h"
#include "worker/engine/make_executor.h"
#include "worker/model/vocabulary_loader.h"
#include "worker/weights_hash.h"

namespace hekla::worker {
namespace {

constexpr int kDefaultMaxContext = 4096;  // tokens
constexpr int64_t kDefaultKvMemoryMib = 1024;

// Keys and values of one token in all layers, f16.
int64_t KvBytesPerToken(const model::ModelConfig& model) {
  int64_t heads = 0;
  for (int kv_heads : model.kv_heads) heads += kv_heads;
  return std::max<int64_t>(1, heads * model.head_dim * 2 * 2);
}

int64_t BlocksOf(int64_t tokens) { return (tokens + schedule::kBlockTokens - 1) / schedule::kBlockTokens; }

double SecondsSince(absl::Time* time) {
  const absl::Time now = absl::Now();
  const double seconds = absl::ToDoubleSeconds(now - *time);
  *time = now;
  return seconds;
}

// The type most weights are stored in.
std::string MostCommonType(const model::Gguf& file, uint64_t* weights) {
  std::map<model::TensorType, uint64_t> by_type;
  for (const model::GgufTensor& tensor : file.tensors()) {
    by_type[tensor.type] += tensor.columns() * tensor.rows();
    *weights += tensor.columns() * tensor.rows();
  }
  const auto most = std::max_element(by_type.begin(), by_type.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == by_type.end() ? "" : model::Traits(most->first).name;
}

absl::Status Describe(const WorkerConfig& config, LoadedModel* loaded) {
  const model::ModelConfig& model = loaded->plan->config;
  const size_t pieces = loaded->tokenizer->vocabulary().pieces.size();
  if (pieces > static_cast<size_t>(model.vocabulary)) {
    return absl::DataLossError(absl::StrCat(config.model_path, ": the tokenizer has ", pieces,
                                            " pieces, token_embd.weight has ", model.vocabulary, " rows"));
  }
  v1::Model& description = loaded->served.description;
  DescribeVocabulary(*loaded->tokenizer, &loaded->served);
  description.set_vocabulary_size(model.vocabulary);
  description.set_name(config.model_name.empty() ? model.name : config.model_name);
  description.set_family(model.architecture);
  if (loaded->file->Has("tokenizer.chat_template")) {
    DescribeChatTemplate(loaded->file->GetString("tokenizer.chat_template"), &loaded->served);
    if (loaded->served.chat_template == nullptr) {
      service::Log(service::LogLevel::kWarning, "chat_template",
                   {{"unusable", loaded->served.chat_template_status.message()}});
    }
  }
  uint64_t weights = 0;
  description.set_weight_type(MostCommonType(*loaded->file, &weights));
  description.set_parameters(weights);
  HEKLA_ASSIGN_OR_RETURN(*description.mutable_weights_hash(), WeightsHash(*loaded->file));
  return absl::OkStatus();
}

absl::Status MakeEngine(const WorkerConfig& config, const LoadCallbacks& callbacks, LoadedModel* loaded) {
  HEKLA_ASSIGN_OR_RETURN(const MemoryLimits limits, ChooseLimits(config, loaded->plan->config));
  engine::ExecutorOptions options;
  options.max_sequences = config.max_sequences;
  options.max_context = limits.max_context;
  options.max_rows = config.step_tokens;
  options.max_samples = config.max_sequences;
  options.kv_blocks = limits.kv_blocks;
  absl::Time phase_start = absl::Now();
  absl::Time uploaded = phase_start;
  options.weight_progress = [&](uint64_t done_bytes, uint64_t total_bytes) {
    uploaded = absl::Now();
    if (callbacks.weight_progress) callbacks.weight_progress(done_bytes, total_bytes);
  };
  engine::Engine::Options engine_options;
  HEKLA_ASSIGN_OR_RETURN(engine_options.executor,
                         engine::MakeExecutor(*loaded->plan, config.device, options));
  loaded->seconds.upload = absl::ToDoubleSeconds(uploaded - phase_start);
  phase_start = uploaded;
  // Kernels are compiled when the warm-up first needs them.
  loaded->seconds.compile = engine_options.executor->kernel_counts().compile_seconds;
  loaded->seconds.warmup = std::max(0.0, SecondsSince(&phase_start) - loaded->seconds.compile);
  engine_options.eos_tokens = loaded->tokenizer->vocabulary().end_of_generation;
  engine_options.prefill_chunk = std::min(config.prefill_chunk, config.step_tokens);
  engine_options.max_waiting = config.max_queue;
  engine_options.on_fatal = callbacks.on_fatal;
  HEKLA_ASSIGN_OR_RETURN(loaded->engine, engine::Engine::Create(std::move(engine_options)));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<MemoryLimits> ChooseLimits(const WorkerConfig& config, const model::ModelConfig& model) {
  MemoryLimits limits;
  if (config.max_context > model.context_length) {
    return absl::InvalidArgumentError(absl::StrCat("--max-context is ", config.max_context,
                                                   ", the model was trained for ", model.context_length));
  }
  limits.max_context =
      config.max_context > 0 ? config.max_context : std::min(model.context_length, kDefaultMaxContext);
  const int64_t bytes = KvBytesPerToken(model);
  const int64_t one = BlocksOf(limits.max_context);
  const int64_t all = one * config.max_sequences;  // more is never used
  int64_t blocks = 0;
  if (config.kv_tokens > 0) {
    blocks = config.kv_tokens / schedule::kBlockTokens;
  } else if (config.kv_memory_mib > 0) {
    blocks = (config.kv_memory_mib << 20) / bytes / schedule::kBlockTokens;
  } else {
    blocks = std::max(one, (kDefaultKvMemoryMib << 20) / bytes / schedule::kBlockTokens);
  }
  blocks = std::min(blocks, all);
  if (blocks < one) {
    return absl::InvalidArgumentError(absl::StrCat("KV memory for ", blocks * schedule::kBlockTokens,
                                                   " tokens does not hold one sequence of --max-context, ",
                                                   limits.max_context, "; a token takes ", bytes, " bytes"));
  }
  limits.kv_blocks = static_cast<int>(blocks);
  return limits;
}

absl::StatusOr<LoadedModel> LoadModel(const WorkerConfig& config, const LoadCallbacks& callbacks) {
  const std::string& path = config.model_path;
  LoadedModel loaded;
  absl::Time phase_start = absl::Now();
  HEKLA_ASSIGN_OR_RETURN(loaded.file, model::Gguf::Open(path));
  absl::StatusOr<text::Vocabulary> vocabulary = model::LoadVocabulary(*loaded.file);
  HEKLA_RETURN_IF_ERROR(WithContext(vocabulary.status(), path));
  absl::StatusOr<std::unique_ptr<text::Tokenizer>> tokenizer =
      text::Tokenizer::Create(*std::move(vocabulary));
  HEKLA_RETURN_IF_ERROR(WithContext(tokenizer.status(), path));
  loaded.tokenizer = *std::move(tokenizer);
  absl::StatusOr<model::Plan> plan = model::BuildPlan(*loaded.file);
  HEKLA_RETURN_IF_ERROR(WithContext(plan.status(), path));
  loaded.plan = std::make_unique<model::Plan>(*std::move(plan));
  HEKLA_RETURN_IF_ERROR(Describe(config, &loaded));
  loaded.seconds.read = SecondsSince(&phase_start);
  HEKLA_RETURN_IF_ERROR(MakeEngine(config, callbacks, &loaded));
  return loaded;
}

}  // namespace hekla::worker
