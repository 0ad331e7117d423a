#include "worker/engine/vulkan_executor.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "worker/base/status_macros.h"

namespace hekla::engine {
namespace {

// A step that takes longer is a lost device: drivers reset sooner than this.
constexpr absl::Duration kStepLimit = absl::Minutes(2);
// The sampler's stand-in for the logarithm of zero lies below.
constexpr float kImpossible = -1e30f;

}  // namespace

absl::StatusOr<std::unique_ptr<VulkanExecutor>> VulkanExecutor::Create(const model::Plan& plan, int device_index,
                                                                       const ExecutorOptions& options) {
  const absl::Time start = absl::Now();
  auto executor = std::unique_ptr<VulkanExecutor>(new VulkanExecutor);
  HEKLA_ASSIGN_OR_RETURN(executor->device_, vulkan::Device::Create(device_index));
  const vulkan::Device* device = executor->device_.get();
  Limits& limits = executor->limits_;
  limits.max_sequences = options.max_sequences;
  limits.max_context = options.max_context;
  limits.max_rows = options.max_rows;
  limits.max_samples = std::min(options.max_samples, options.max_rows);
  limits.kv_blocks = options.kv_blocks > 0
                         ? options.kv_blocks
                         : options.max_sequences * ((options.max_context + schedule::kBlockTokens - 1) / schedule::kBlockTokens);
  limits.max_in_flight = kMaxInFlight;
  limits.vocabulary = plan.config.vocabulary;
  HEKLA_ASSIGN_OR_RETURN(executor->stage_, VulkanStage::Create(device, plan, limits, options.weight_progress));
  HEKLA_ASSIGN_OR_RETURN(executor->timeline_, vulkan::Timeline::Create(device));
  auto pool = device->get().createCommandPoolUnique({{}, device->compute_family()});
  HEKLA_RETURN_IF_ERROR(vulkan::Check(pool.result, "creating a command pool"));
  executor->pool_ = std::move(pool.value);
  executor->load_time_ = absl::Now() - start;
  HEKLA_RETURN_IF_ERROR(executor->WarmUp());
  executor->warm_up_time_ = absl::Now() - start - executor->load_time_;
  executor->phases_ = {};
  return executor;
}

VulkanExecutor::~VulkanExecutor() {
  if (device_ != nullptr) static_cast<void>(device_->get().waitIdle());
}

absl::StatusOr<uint64_t> VulkanExecutor::SubmitCommands(const vulkan::Recorder& recorder) {
  return timeline_->Submit(device_->compute_queue(), {recorder.commands()});
}

absl::Status VulkanExecutor::WarmUp() {
  HEKLA_ASSIGN_OR_RETURN(auto clear, vulkan::Recorder::Create(device_.get(), *pool_));
  stage_->RecordClear(clear.get());
  HEKLA_RETURN_IF_ERROR(clear->End());
  HEKLA_ASSIGN_OR_RETURN(uint64_t value, SubmitCommands(*clear));
  HEKLA_RETURN_IF_ERROR(timeline_->Wait(value, kStepLimit));
  for (const StepShape& shape : stage_->WarmUpShapes()) {   // the input ring is zero: no rows, no samples
    HEKLA_ASSIGN_OR_RETURN(const vulkan::Recorder* recorder, Recorded(shape));
    HEKLA_ASSIGN_OR_RETURN(value, SubmitCommands(*recorder));
    HEKLA_RETURN_IF_ERROR(timeline_->Wait(value, kStepLimit));
    next_ring_ = (next_ring_ + 1) % kernels::kRing;
  }
  return absl::OkStatus();
}

absl::StatusOr<const vulkan::Recorder*> VulkanExecutor::Recorded(const StepShape& shape) {
  std::unique_ptr<vulkan::Recorder>& recorder = recorded_[shape.Key()];
  if (recorder == nullptr) {
    HEKLA_ASSIGN_OR_RETURN(auto made, vulkan::Recorder::Create(device_.get(), *pool_));
    HEKLA_RETURN_IF_ERROR(stage_->Record(shape, made.get()));
    HEKLA_RETURN_IF_ERROR(made->End());
    recorder = std::move(made);
  }
  return recorder.get();
}

absl::StatusOr<std::pair<int, int>> VulkanExecutor::LaunchesAndBarriers(uint32_t rows, uint32_t context, uint32_t samples) {
  HEKLA_ASSIGN_OR_RETURN(const vulkan::Recorder* recorder, Recorded(stage_->ShapeFor(rows, context, samples, false)));
  return std::make_pair(recorder->launches(), recorder->barriers());
}

absl::Status VulkanExecutor::Submit(const schedule::Batch& batch) {
  return SubmitStep(batch, [this](const StepShape& shape) { return Recorded(shape); });
}

absl::StatusOr<std::vector<VulkanExecutor::LaunchTime>> VulkanExecutor::Profile(const schedule::Batch& batch) {
  if (!in_flight_.empty()) return absl::FailedPreconditionError("a step is in flight");
  HEKLA_ASSIGN_OR_RETURN(const auto timer, vulkan::LaunchTimer::Create(device_.get(), stage_->launches()));
  HEKLA_ASSIGN_OR_RETURN(const auto recorder, vulkan::Recorder::Create(device_.get(), *pool_, timer.get()));
  std::vector<std::string> names;
  const RecordedStep record = [&](const StepShape& shape) -> absl::StatusOr<const vulkan::Recorder*> {
    HEKLA_RETURN_IF_ERROR(stage_->Record(shape, recorder.get(), &names));
    HEKLA_RETURN_IF_ERROR(recorder->End());
    return recorder.get();
  };
  HEKLA_RETURN_IF_ERROR(SubmitStep(batch, record));
  schedule::BatchResult result;
  HEKLA_RETURN_IF_ERROR(Await(&result));
  HEKLA_ASSIGN_OR_RETURN(const std::vector<double> us, timer->Read());
  std::vector<LaunchTime> times;
  for (size_t i = 0; i < us.size(); ++i) times.push_back({names[i], us[i]});
  return times;
}

absl::Status VulkanExecutor::SubmitStep(const schedule::Batch& batch, const RecordedStep& recorded) {
  if (in_flight_.size() >= kMaxInFlight || (batch.return_logits && !in_flight_.empty())) {
    return absl::FailedPreconditionError(absl::StrCat(in_flight_.size(), " steps are in flight, the limit is ",
                                                      batch.return_logits ? 1 : kMaxInFlight));
  }
  if (batch.rows.empty()) return absl::InvalidArgumentError("batch: no rows");
  const absl::Time begin = absl::Now();
  uint32_t* entry = reinterpret_cast<uint32_t*>(stage_->buffers().input.mapped) + next_ring_ * stage_->input_layout().entry_words;
  HEKLA_RETURN_IF_ERROR(PackStepInput(batch, limits_, stage_->input_layout(), entry));
  const absl::Time packed = absl::Now();
  const auto rows = static_cast<uint32_t>(batch.rows.size()), samples = static_cast<uint32_t>(batch.samples.size());
  const StepShape shape = stage_->ShapeFor(rows, batch.max_context(), samples, batch.return_logits);
  HEKLA_ASSIGN_OR_RETURN(const vulkan::Recorder* recorder, recorded(shape));
  const absl::Time built = absl::Now();
  InFlight step;
  HEKLA_ASSIGN_OR_RETURN(step.value, SubmitCommands(*recorder));
  step.submitted = absl::Now();
  step.step = batch.step;
  step.ring = next_ring_;
  step.samples = samples;
  step.logits = batch.return_logits;
  in_flight_.push_back(step);
  next_ring_ = (next_ring_ + 1) % kernels::kRing;
  phases_.load += absl::ToDoubleSeconds(packed - begin);
  phases_.build += absl::ToDoubleSeconds(built - packed);
  phases_.submit += absl::ToDoubleSeconds(step.submitted - built);
  uint64_t context_tokens = 0;
  for (const schedule::BatchRow& row : batch.rows) context_tokens += row.position + 1;
  bytes_read_ += stage_->WeightBytes(shape.rows, shape.samples) + context_tokens * stage_->KvBytesPerToken();
  return absl::OkStatus();
}

absl::Status VulkanExecutor::Await(schedule::BatchResult* result) {
  if (in_flight_.empty()) return absl::FailedPreconditionError("no step is in flight");
  const InFlight step = in_flight_.front();
  absl::Status waited = timeline_->Wait(step.value, kStepLimit);
  if (absl::IsDeadlineExceeded(waited))
    waited = absl::UnavailableError(absl::StrCat("device lost: step ", step.step, " did not end within ",
                                                 absl::FormatDuration(kStepLimit)));
  HEKLA_RETURN_IF_ERROR(waited);
  in_flight_.pop_front();
  const absl::Time end = absl::Now();
  const absl::Duration execute = end - std::max(step.submitted, last_end_);
  last_end_ = end;
  result->step = step.step;
  result->device_us = absl::ToDoubleMicroseconds(execute);
  result->samples.resize(step.samples);
  const auto* words = reinterpret_cast<const uint32_t*>(stage_->buffers().results.mapped) +
                      uint64_t{step.ring} * limits_.max_samples * kernels::kResultWords;
  for (uint32_t i = 0; i < step.samples; ++i, words += kernels::kResultWords) {
    schedule::SampleResult& sample = result->samples[i];
    sample.token = static_cast<schedule::TokenId>(words[0]);
    sample.logprob = std::bit_cast<float>(words[1]);
    sample.top.resize(std::min(words[2], kernels::kMaxTop));
    for (size_t k = 0; k < sample.top.size(); ++k) {
      sample.top[k] = {static_cast<schedule::TokenId>(words[4 + 2 * k]), std::bit_cast<float>(words[5 + 2 * k])};
    }
    while (!sample.top.empty() && sample.top.back().logprob < kImpossible) sample.top.pop_back();
  }
  result->logits.clear();
  if (step.logits) {
    const auto* logits = reinterpret_cast<const float*>(stage_->buffers().logits_copy.mapped);
    result->logits.assign(logits, logits + uint64_t{step.samples} * limits_.vocabulary);
  }
  phases_.execute += absl::ToDoubleSeconds(execute);
  phases_.readback += absl::ToDoubleSeconds(absl::Now() - end);
  return absl::OkStatus();
}

}  // namespace hekla::engine
