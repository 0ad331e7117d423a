#include "worker/engine/vulkan_stage.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_format.h"
#include "worker/base/status_macros.h"
#include "worker/engine/stage_lowering.h"

namespace hekla::engine {
namespace {

// Attention workgroups that keep a GPU busy.
constexpr uint32_t kBusyWorkgroups = 96;

}  // namespace

absl::StatusOr<std::unique_ptr<VulkanStage>> VulkanStage::Create(const vulkan::Device* device, const model::Plan& plan,
                                                                 const Limits& limits, const DeviceWeights::Progress& progress) {
  auto stage = std::unique_ptr<VulkanStage>(new VulkanStage(device, limits));
  HEKLA_ASSIGN_OR_RETURN(stage->uploader_, vulkan::Uploader::Create(device));
  stage->weights_ = std::make_unique<DeviceWeights>(device, stage->uploader_.get(), stage->row_order(), plan.weight_bytes, progress);
  HEKLA_ASSIGN_OR_RETURN(stage->buffers_, StageBuffers::Create(device, plan, limits));
  HEKLA_RETURN_IF_ERROR(StageLowering(stage.get(), plan).Run());
  HEKLA_RETURN_IF_ERROR(stage->uploader_->Finish());
  stage->uploader_.reset();
  if (progress) progress(plan.weight_bytes, plan.weight_bytes);
  return stage;
}

uint32_t VulkanStage::ColumnsFor(uint32_t n) const {
  if (n <= 1) return 1;
  if (device_->limits().software) return 4;   // each variant costs its compiler a second at start
  if (n <= 2) return 2;
  return n <= 4 ? 4 : 8;
}

// Query heads of one attention workgroup. All heads of a GQA group share its K and V reads; while that leaves the device idle, fewer do.
uint32_t VulkanStage::HeadsPerWorkgroup(const Lowered& lowered, const StepShape& shape) const {
  const uint32_t heads = lowered.work, most = lowered.specialization.group;
  if (device_->limits().software) return most;
  const uint32_t splits = shape.rows <= kMaxSplitRows ? shape.splits : 1;
  for (uint32_t group = most; group > 1; --group) {
    if (most % group == 0 && heads / group * shape.rows * splits >= kBusyWorkgroups) return group;
  }
  return 1;
}

// Rows of a subgroup and threads of a workgroup. More rows a subgroup reuse activations; fewer give more workgroups for a small matrix.
vulkan::Specialization VulkanStage::Specialize(const Lowered& lowered, uint32_t variant) const {
  vulkan::Specialization s = lowered.specialization;
  if (lowered.rule == GridRule::kAttention) s.group = variant;
  if (lowered.rule != GridRule::kRowColumns && lowered.rule != GridRule::kSampleColumns) return s;
  const uint32_t columns = variant;
  s.columns = columns;
  const uint32_t subgroup = device_->limits().subgroup_size;
  if (device_->limits().software) {
    s.rows = 4 * subgroup;
    s.threads = subgroup;
  } else {
    s.rows = lowered.work >= 16384 ? 4 : columns >= 4 || lowered.work >= 4096 ? 2 : 1;
    s.threads = subgroup;
  }
  if (lowered.pairs) s.rows = std::max(s.rows, 2u);
  if (lowered.rows_per_workgroup > 0) {
    s.rows = std::min(s.rows, lowered.rows_per_workgroup);
    const auto threads = [&] { return lowered.rows_per_workgroup / s.rows * s.split * subgroup; };
    while (threads() > device_->limits().max_workgroup_threads && s.rows < lowered.rows_per_workgroup) s.rows *= 2;
    s.threads = threads();
  }
  return s;
}

absl::StatusOr<const vulkan::Launch*> VulkanStage::LaunchFor(Lowered& lowered, uint32_t variant) {
  auto found = lowered.by_variant.find(variant);
  if (found == lowered.by_variant.end()) {
    HEKLA_ASSIGN_OR_RETURN(const vulkan::Pipeline* pipeline, kernels_.Get(lowered.kernel, Specialize(lowered, variant)));
    HEKLA_ASSIGN_OR_RETURN(vulkan::Launch launch, lowered.bind(pipeline));
    found = lowered.by_variant.emplace(variant, std::move(launch)).first;
  }
  return &found->second;
}

absl::Status VulkanStage::Record(const StepShape& shape, vulkan::Recorder* recorder, std::vector<std::string>* names) {
  for (Lowered& lowered : program_) {
    const bool by_samples = lowered.rule == GridRule::kSampleColumns || lowered.rule == GridRule::kSamples;
    if (by_samples && shape.samples == 0) continue;
    if (lowered.rule == GridRule::kSamples && shape.copy_logits) recorder->Copy(buffers_->logits, buffers_->logits_copy);
    const bool by_columns = lowered.rule == GridRule::kRowColumns || lowered.rule == GridRule::kSampleColumns;
    const uint32_t live = by_samples ? shape.samples : shape.rows;
    uint32_t variant = 1;
    if (by_columns) variant = ColumnsFor(live);
    if (lowered.rule == GridRule::kAttention) variant = HeadsPerWorkgroup(lowered, shape);
    HEKLA_ASSIGN_OR_RETURN(const vulkan::Launch* launch, LaunchFor(lowered, variant));
    vulkan::Grid grid;
    switch (lowered.rule) {
      case GridRule::kSingle: break;
      case GridRule::kRows: grid = {lowered.work, shape.rows, 1}; break;
      case GridRule::kSamples: grid = {shape.samples, 1, 1}; break;
      case GridRule::kAttention: grid = {lowered.work / variant, shape.rows, shape.rows <= kMaxSplitRows ? shape.splits : 1}; break;
      case GridRule::kRowColumns:
      case GridRule::kSampleColumns: {
        const vulkan::Specialization s = Specialize(lowered, variant);
        const uint32_t per_workgroup = s.rows * (s.threads / device_->limits().subgroup_size / s.split);
        grid = {(lowered.work + per_workgroup - 1) / per_workgroup, (live + variant - 1) / variant, 1};
        break;
      }
    }
    recorder->Add(*launch, grid, lowered.joined);
    if (names != nullptr) {
      names->push_back(absl::StrFormat("%s %dx%dx%d", launch->pipeline->entry->name, grid.x, grid.y, grid.z));
    }
  }
  return absl::OkStatus();
}

void VulkanStage::RecordClear(vulkan::Recorder* recorder) const {
  for (const vulkan::BufferRange& range : buffers_->device_ranges()) recorder->Fill(range, 0);
}

StepShape VulkanStage::ShapeFor(uint32_t rows, uint32_t context, uint32_t samples, bool copy_logits) const {
  StepShape shape;
  shape.rows = std::min<uint32_t>(std::bit_ceil(rows), limits_.max_rows);
  shape.samples = samples == 0 ? 0 : std::min<uint32_t>(std::bit_ceil(samples), limits_.max_samples);
  shape.splits = std::min(std::bit_ceil((context + kernels::kSplit - 1) / kernels::kSplit), buffers_->max_splits);
  if (shape.rows > kMaxSplitRows) shape.splits = 1;
  shape.copy_logits = copy_logits;
  return shape;
}

std::vector<StepShape> VulkanStage::WarmUpShapes() const {
  // Software devices take one attention pipeline for every shape, and time for every dispatch; there a few shapes use them all.
  const uint32_t most_rows = device_->limits().software ? std::min(4, limits_.max_rows) : limits_.max_rows;
  const uint32_t most_splits = device_->limits().software ? 1 : buffers_->max_splits;
  std::vector<StepShape> shapes;
  for (uint32_t rows = 1; rows <= most_rows; rows *= 2) {
    for (uint32_t splits = 1; splits <= most_splits; splits *= 2) {
      shapes.push_back(ShapeFor(rows, splits * kernels::kSplit, std::min<uint32_t>(rows, limits_.max_samples), false));
    }
  }
  return shapes;
}

uint64_t VulkanStage::WeightBytes(uint32_t rows, uint32_t samples) const {
  uint64_t sum = 0;
  for (const Lowered& lowered : program_) {
    const uint32_t live = lowered.rule == GridRule::kSampleColumns ? samples : rows;
    if (live == 0) continue;
    const uint32_t columns = ColumnsFor(live);
    sum += lowered.weight_bytes * ((live + columns - 1) / columns);
  }
  return sum;
}

}  // namespace hekla::engine
