#include "worker/vulkan/recorder.h"

#include <algorithm>
#include <array>
#include <utility>

#include "worker/base/check.h"
#include "worker/base/status_macros.h"

namespace hekla::vulkan {
namespace {

constexpr uint32_t kSetsPerPool = 512;
constexpr uint32_t kBindingsPerSet = 10, kTexelBindingsPerSet = 4;

}  // namespace

absl::StatusOr<vk::BufferView> LaunchMaker::MakeView(const BufferRange& range, uint8_t access) {
  const vk::Format format = (access & kernels::kTexelsUint) != 0 ? vk::Format::eR32G32B32A32Uint : vk::Format::eR32G32B32A32Sfloat;
  auto view = device_->get().createBufferViewUnique({{}, range.buffer, format, range.offset, range.bytes / 16 * 16});
  HEKLA_RETURN_IF_ERROR(Check(view.result, "creating a buffer view"));
  views_.push_back(std::move(view.value));
  return *views_.back();
}

absl::Status LaunchMaker::Bind(Launch* launch) {
  if (sets_left_ == 0) {
    const std::array<vk::DescriptorPoolSize, 2> sizes = {
        vk::DescriptorPoolSize(vk::DescriptorType::eStorageBuffer, kSetsPerPool * kBindingsPerSet),
        vk::DescriptorPoolSize(vk::DescriptorType::eStorageTexelBuffer, kSetsPerPool * kTexelBindingsPerSet)};
    auto pool = device_->get().createDescriptorPoolUnique({{}, kSetsPerPool, sizes});
    HEKLA_RETURN_IF_ERROR(Check(pool.result, "creating a descriptor pool"));
    pools_.push_back(std::move(pool.value));
    sets_left_ = kSetsPerPool;
  }
  auto sets = device_->get().allocateDescriptorSets({*pools_.back(), *launch->pipeline->set_layout});
  HEKLA_RETURN_IF_ERROR(Check(sets.result, "allocating a descriptor set"));
  --sets_left_;
  launch->set = sets.value[0];
  std::vector<vk::DescriptorBufferInfo> infos;
  for (const BufferRange& range : launch->buffers) infos.emplace_back(range.buffer, range.offset, range.bytes);
  const kernels::Entry& entry = *launch->pipeline->entry;
  std::vector<vk::BufferView> views(infos.size());
  std::vector<vk::WriteDescriptorSet> writes;
  for (uint32_t i = 0; i < infos.size(); ++i) {
    const vk::DescriptorType type = DescriptorTypeOf(entry.access[i]);
    if (type == vk::DescriptorType::eStorageTexelBuffer) {
      HEKLA_ASSIGN_OR_RETURN(views[i], MakeView(launch->buffers[i], entry.access[i]));
    }
    writes.emplace_back(launch->set, i, 0, 1, type, nullptr, &infos[i], &views[i]);
  }
  device_->get().updateDescriptorSets(writes, {});
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Recorder>> Recorder::Create(const Device* device, vk::CommandPool pool, LaunchTimer* timer) {
  auto recorder = std::unique_ptr<Recorder>(new Recorder(timer));
  auto made = device->get().allocateCommandBuffersUnique({pool, vk::CommandBufferLevel::ePrimary, 1});
  HEKLA_RETURN_IF_ERROR(Check(made.result, "allocating a command buffer"));
  recorder->commands_ = std::move(made.value[0]);
  HEKLA_RETURN_IF_ERROR(Check(recorder->commands_->begin({vk::CommandBufferUsageFlagBits::eSimultaneousUse}), "recording"));
  // What earlier submissions and the host wrote is seen here.
  const vk::MemoryBarrier all(vk::AccessFlagBits::eMemoryWrite, vk::AccessFlagBits::eMemoryRead | vk::AccessFlagBits::eMemoryWrite);
  recorder->commands_->pipelineBarrier(vk::PipelineStageFlagBits::eAllCommands, vk::PipelineStageFlagBits::eAllCommands, {}, all, {}, {});
  if (timer != nullptr) timer->RecordStart(*recorder->commands_);
  return recorder;
}

bool Recorder::Conflicts(const BufferRange& range, bool writes) const {
  return std::any_of(touched_.begin(), touched_.end(), [&](const Touched& t) {
    return t.buffer == range.buffer && (writes || t.written) && range.offset < t.last && t.first < range.offset + range.bytes;
  });
}

void Recorder::BarrierIfNeeded(absl::Span<const std::pair<BufferRange, bool>> uses, bool joined) {
  const bool needed = !joined && std::any_of(uses.begin(), uses.end(), [&](const auto& use) { return Conflicts(use.first, use.second); });
  if (needed) {
    using Stage = vk::PipelineStageFlagBits;
    const vk::MemoryBarrier barrier(vk::AccessFlagBits::eShaderWrite | vk::AccessFlagBits::eTransferWrite,
                                    vk::AccessFlagBits::eShaderRead | vk::AccessFlagBits::eShaderWrite | vk::AccessFlagBits::eTransferRead |
                                        vk::AccessFlagBits::eTransferWrite);
    commands_->pipelineBarrier(Stage::eComputeShader | Stage::eTransfer, Stage::eComputeShader | Stage::eTransfer, {}, barrier, {}, {});
    touched_.clear();
    ++barriers_;
  }
  for (const auto& [range, writes] : uses) touched_.push_back({range.buffer, range.offset, range.offset + range.bytes, writes});
}

void Recorder::Add(const Launch& launch, Grid grid, bool joined) {
  HEKLA_CHECK(grid.x > 0 && grid.y > 0 && grid.z > 0, "empty grid");
  const kernels::Entry& entry = *launch.pipeline->entry;
  std::vector<std::pair<BufferRange, bool>> uses;
  for (uint32_t i = 0; i < entry.binding_count; ++i) uses.emplace_back(launch.buffers[i], (entry.access[i] & kernels::kWrite) != 0);
  BarrierIfNeeded(uses, joined);
  commands_->bindPipeline(vk::PipelineBindPoint::eCompute, *launch.pipeline->pipeline);
  commands_->bindDescriptorSets(vk::PipelineBindPoint::eCompute, *launch.pipeline->layout, 0, launch.set, {});
  commands_->pushConstants(*launch.pipeline->layout, vk::ShaderStageFlagBits::eCompute, 0, entry.push_bytes, launch.push.data());
  commands_->dispatch(grid.x, grid.y, grid.z);
  if (timer_ != nullptr) timer_->RecordEnd(*commands_);
  ++launches_;
}

void Recorder::Copy(const BufferRange& from, const BufferRange& to) {
  BarrierIfNeeded({{from, false}, {to, true}});
  commands_->copyBuffer(from.buffer, to.buffer, vk::BufferCopy(from.offset, to.offset, std::min(from.bytes, to.bytes)));
}

void Recorder::Fill(const BufferRange& range, uint32_t word) {
  BarrierIfNeeded({{range, true}});
  commands_->fillBuffer(range.buffer, range.offset, range.bytes, word);
}

absl::Status Recorder::End() {
  // Results are read by the host after a wait.
  const vk::MemoryBarrier host(vk::AccessFlagBits::eShaderWrite | vk::AccessFlagBits::eTransferWrite, vk::AccessFlagBits::eHostRead);
  commands_->pipelineBarrier(vk::PipelineStageFlagBits::eComputeShader | vk::PipelineStageFlagBits::eTransfer,
                             vk::PipelineStageFlagBits::eHost, {}, host, {}, {});
  return Check(commands_->end(), "recording");
}

}  // namespace hekla::vulkan
