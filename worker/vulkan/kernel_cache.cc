#include "worker/vulkan/kernel_cache.h"

#include <array>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "worker/base/status_macros.h"

namespace hekla::vulkan {

vk::DescriptorType DescriptorTypeOf(uint8_t access) {
  const bool texels = (access & (kernels::kTexelsUint | kernels::kTexelsFloat)) != 0;
  return texels ? vk::DescriptorType::eStorageTexelBuffer : vk::DescriptorType::eStorageBuffer;
}

absl::StatusOr<const Pipeline*> KernelCache::Get(kernels::Kernel kernel, Specialization specialization) {
  specialization.subgroup = device_->limits().subgroup_size;
  const Key key = std::tuple_cat(std::make_tuple(static_cast<int>(kernel)), specialization.Key());
  auto found = pipelines_.find(key);
  if (found == pipelines_.end()) {
    const absl::Time start = absl::Now();
    HEKLA_ASSIGN_OR_RETURN(auto made, Make(kernels::Find(kernel), specialization));
    compile_time_ += absl::Now() - start;
    found = pipelines_.emplace(key, std::move(made)).first;
  } else {
    ++hits_;
  }
  return found->second.get();
}

absl::StatusOr<std::unique_ptr<Pipeline>> KernelCache::Make(const kernels::Entry& entry, const Specialization& specialization) const {
  const std::string what = absl::StrCat("compiling kernel ", entry.name);
  auto made = std::make_unique<Pipeline>();
  made->entry = &entry;

  std::vector<vk::DescriptorSetLayoutBinding> bindings;
  for (uint32_t i = 0; i < entry.binding_count; ++i) {
    bindings.push_back({i, DescriptorTypeOf(entry.access[i]), 1, vk::ShaderStageFlagBits::eCompute});
  }
  auto set_layout = device_->get().createDescriptorSetLayoutUnique({{}, bindings});
  HEKLA_RETURN_IF_ERROR(Check(set_layout.result, what));
  made->set_layout = std::move(set_layout.value);

  const vk::PushConstantRange push(vk::ShaderStageFlagBits::eCompute, 0, entry.push_bytes);
  auto layout = device_->get().createPipelineLayoutUnique({{}, *made->set_layout, push});
  HEKLA_RETURN_IF_ERROR(Check(layout.result, what));
  made->layout = std::move(layout.value);

  auto module = device_->get().createShaderModuleUnique({{}, entry.word_count * 4, entry.words});
  HEKLA_RETURN_IF_ERROR(Check(module.result, what));
  const std::array<uint32_t, 11> values = std::apply([](auto... each) { return std::array{each...}; }, specialization.Key());
  std::vector<vk::SpecializationMapEntry> map;
  for (uint32_t i = 0; i < values.size(); ++i) map.push_back({i, i * 4, 4});
  const vk::SpecializationInfo constants(static_cast<uint32_t>(map.size()), map.data(), sizeof(values), values.data());
  vk::PipelineShaderStageCreateInfo stage({}, vk::ShaderStageFlagBits::eCompute, *module.value, "main", &constants);
  vk::PipelineShaderStageRequiredSubgroupSizeCreateInfo subgroup(specialization.subgroup);
  if (device_->subgroup_size_control()) {
    stage.setPNext(&subgroup);
    if (specialization.threads % specialization.subgroup == 0) {
      stage.setFlags(vk::PipelineShaderStageCreateFlagBits::eRequireFullSubgroups);
    }
  }
  auto pipeline = device_->get().createComputePipelineUnique({}, {{}, stage, *made->layout});
  HEKLA_RETURN_IF_ERROR(Check(pipeline.result, what));
  made->pipeline = std::move(pipeline.value);
  return made;
}

}  // namespace hekla::vulkan
