#include "worker/vulkan/device.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "worker/base/status_macros.h"

namespace hekla::vulkan {
namespace {

// The validation layer is on in builds of the `validate` preset, and where HEKLA_VULKAN_VALIDATION is set.
bool ValidationWanted() {
#ifdef HEKLA_VALIDATE
  return true;
#else
  return std::getenv("HEKLA_VULKAN_VALIDATION") != nullptr;
#endif
}

VKAPI_ATTR VkBool32 VKAPI_CALL OnValidationMessage(VkDebugUtilsMessageSeverityFlagBitsEXT severity, VkDebugUtilsMessageTypeFlagsEXT,
                                                   const VkDebugUtilsMessengerCallbackDataEXT* message, void*) {
  std::fprintf(stderr, "vulkan validation: %s\n", message->pMessage);
  if (severity & VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT) std::abort();
  return VK_FALSE;
}

absl::StatusOr<vk::UniqueInstance> MakeInstance() {
  const vk::ApplicationInfo application("hekla", 1, "hekla", 1, VK_API_VERSION_1_3);
  std::vector<const char*> layers, extensions;
  const vk::ValidationFeatureEnableEXT enables[] = {vk::ValidationFeatureEnableEXT::eSynchronizationValidation};
  const vk::ValidationFeaturesEXT features(enables);
  vk::InstanceCreateInfo info({}, &application);
  if (ValidationWanted()) {
    layers.push_back("VK_LAYER_KHRONOS_validation");
    extensions = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME, VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME};
    info.setPNext(&features);
  }
  info.setPEnabledLayerNames(layers).setPEnabledExtensionNames(extensions);
  auto made = vk::createInstanceUnique(info);
  if (made.result == vk::Result::eErrorLayerNotPresent) {
    return absl::FailedPreconditionError("Vulkan validation was asked for, but VK_LAYER_KHRONOS_validation is not installed");
  }
  if (made.result != vk::Result::eSuccess) {
    return absl::UnavailableError(absl::StrCat("no Vulkan driver: creating an instance gave ", vk::to_string(made.result)));
  }
  return std::move(made.value);
}

std::string KindName(vk::PhysicalDeviceType type) {
  switch (type) {
    case vk::PhysicalDeviceType::eDiscreteGpu: return "discrete";
    case vk::PhysicalDeviceType::eIntegratedGpu: return "integrated";
    case vk::PhysicalDeviceType::eVirtualGpu: return "virtual";
    case vk::PhysicalDeviceType::eCpu: return "software";
    default: return "other";
  }
}

uint64_t LocalMemory(vk::PhysicalDevice device) {
  const auto properties = device.getMemoryProperties();
  uint64_t most = 0;
  for (uint32_t i = 0; i < properties.memoryHeapCount; ++i) {
    const auto& heap = properties.memoryHeaps[i];
    if (heap.flags & vk::MemoryHeapFlagBits::eDeviceLocal) most = std::max<uint64_t>(most, heap.size);
  }
  return most;
}

// What the kernels and the engine cannot do without, by name; empty if all is there.
std::string Refusal(vk::PhysicalDevice device) {
  const auto properties = device.getProperties2<vk::PhysicalDeviceProperties2, vk::PhysicalDeviceSubgroupProperties>();
  const auto& core = properties.get<vk::PhysicalDeviceProperties2>().properties;
  std::vector<std::string> lacks;
  if (core.apiVersion < VK_API_VERSION_1_2) {
    return absl::StrCat("Vulkan ", VK_API_VERSION_MAJOR(core.apiVersion), ".", VK_API_VERSION_MINOR(core.apiVersion),
                        " is older than 1.2");
  }
  const auto features = device.getFeatures2<vk::PhysicalDeviceFeatures2, vk::PhysicalDeviceVulkan12Features>();
  if (!features.get<vk::PhysicalDeviceVulkan12Features>().timelineSemaphore) lacks.push_back("timeline semaphores");
  const auto& subgroup = properties.get<vk::PhysicalDeviceSubgroupProperties>();
  if (!(subgroup.supportedStages & vk::ShaderStageFlagBits::eCompute) ||
      !(subgroup.supportedOperations & vk::SubgroupFeatureFlagBits::eArithmetic)) {
    lacks.push_back("subgroup arithmetic in compute shaders");
  }
  if (core.deviceType == vk::PhysicalDeviceType::eCpu && !(subgroup.supportedOperations & vk::SubgroupFeatureFlagBits::eShuffle)) {
    lacks.push_back("subgroup shuffles");
  }
  if (core.limits.maxComputeWorkGroupInvocations < 256) lacks.push_back("workgroups of 256");
  if (core.limits.maxComputeSharedMemorySize < 32768) lacks.push_back("32 KiB of shared memory");
  if (core.limits.maxPushConstantsSize < 128) lacks.push_back("128 bytes of push constants");
  return lacks.empty() ? "" : "lacks " + absl::StrJoin(lacks, ", ");
}

int Preference(vk::PhysicalDevice device) {
  switch (device.getProperties().deviceType) {
    case vk::PhysicalDeviceType::eDiscreteGpu: return 0;
    case vk::PhysicalDeviceType::eIntegratedGpu: return 1;
    case vk::PhysicalDeviceType::eVirtualGpu: return 2;
    case vk::PhysicalDeviceType::eCpu: return 4;
    default: return 3;
  }
}

absl::StatusOr<std::vector<vk::PhysicalDevice>> Adapters(vk::Instance instance) {
  auto found = instance.enumeratePhysicalDevices();
  if (found.result != vk::Result::eSuccess || found.value.empty()) {
    return absl::UnavailableError(
        "no Vulkan device: the loader found no driver (on Debian, mesa-vulkan-drivers has one for the "
        "processor)");
  }
  return std::move(found.value);
}

}  // namespace

absl::Status Check(vk::Result result, absl::string_view what) {
  switch (result) {
    case vk::Result::eSuccess: return absl::OkStatus();
    case vk::Result::eErrorDeviceLost: return absl::UnavailableError(absl::StrCat(what, ": device lost"));
    case vk::Result::eErrorOutOfDeviceMemory: return absl::ResourceExhaustedError(absl::StrCat(what, ": out of device memory"));
    case vk::Result::eErrorOutOfHostMemory: return absl::ResourceExhaustedError(absl::StrCat(what, ": out of host memory"));
    case vk::Result::eTimeout: return absl::DeadlineExceededError(absl::StrCat(what, ": timeout"));
    default: return absl::InternalError(absl::StrCat(what, ": ", vk::to_string(result)));
  }
}

absl::StatusOr<std::vector<DeviceSummary>> Device::List() {
  HEKLA_ASSIGN_OR_RETURN(vk::UniqueInstance instance, MakeInstance());
  HEKLA_ASSIGN_OR_RETURN(auto adapters, Adapters(*instance));
  std::vector<DeviceSummary> all;
  for (const vk::PhysicalDevice& adapter : adapters) {
    const auto properties = adapter.getProperties();
    all.push_back({static_cast<int>(all.size()), properties.deviceName.data(), KindName(properties.deviceType), LocalMemory(adapter),
                   Refusal(adapter)});
  }
  return all;
}

absl::StatusOr<std::unique_ptr<Device>> Device::Create(int index) {
  auto device = std::unique_ptr<Device>(new Device);
  HEKLA_ASSIGN_OR_RETURN(device->instance_, MakeInstance());
  HEKLA_ASSIGN_OR_RETURN(auto adapters, Adapters(*device->instance_));
  if (index >= static_cast<int>(adapters.size())) {
    return absl::NotFoundError(absl::StrCat("device vulkan:", index, ": this machine has ", adapters.size(), " Vulkan device(s), 0 to ",
                                            adapters.size() - 1));
  }
  if (index < 0) {
    std::stable_sort(adapters.begin(), adapters.end(), [](auto a, auto b) { return Preference(a) < Preference(b); });
    auto usable = std::find_if(adapters.begin(), adapters.end(), [](auto a) { return Refusal(a).empty(); });
    index = usable == adapters.end() ? 0 : static_cast<int>(usable - adapters.begin());
  }
  const vk::PhysicalDevice chosen = adapters[index];
  if (const std::string refusal = Refusal(chosen); !refusal.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(chosen.getProperties().deviceName.data(), ": ", refusal));
  }
  HEKLA_RETURN_IF_ERROR(device->Open(chosen));
  return device;
}

absl::Status Device::ChooseQueues() {
  const auto families = physical_.getQueueFamilyProperties();
  int compute = -1, transfer = -1;
  for (int i = 0; i < static_cast<int>(families.size()); ++i) {
    const auto flags = families[i].queueFlags;
    if ((flags & vk::QueueFlagBits::eCompute) && compute < 0) compute = i;
    if ((flags & vk::QueueFlagBits::eTransfer) && !(flags & (vk::QueueFlagBits::eCompute | vk::QueueFlagBits::eGraphics))) transfer = i;
  }
  if (compute < 0) return absl::FailedPreconditionError(absl::StrCat(name_, ": no compute queue"));
  compute_family_ = compute;
  transfer_family_ = transfer < 0 ? compute : transfer;
  return absl::OkStatus();
}

void Device::ReadLimits() {
  const auto properties =
      physical_.getProperties2<vk::PhysicalDeviceProperties2, vk::PhysicalDeviceSubgroupProperties,
                               vk::PhysicalDeviceMaintenance3Properties, vk::PhysicalDeviceSubgroupSizeControlProperties>();
  const auto& core = properties.get<vk::PhysicalDeviceProperties2>().properties;
  const auto& control = properties.get<vk::PhysicalDeviceSubgroupSizeControlProperties>();
  name_ = core.deviceName.data();
  limits_.subgroup_size = properties.get<vk::PhysicalDeviceSubgroupProperties>().subgroupSize;
  subgroup_size_control_ = core.apiVersion >= VK_API_VERSION_1_3 &&
                           (control.requiredSubgroupSizeStages & vk::ShaderStageFlagBits::eCompute);
  if (subgroup_size_control_) limits_.subgroup_size = std::clamp(32u, control.minSubgroupSize, control.maxSubgroupSize);
  limits_.max_storage_range = core.limits.maxStorageBufferRange;
  limits_.max_allocation = properties.get<vk::PhysicalDeviceMaintenance3Properties>().maxMemoryAllocationSize;
  limits_.storage_alignment = std::max<uint64_t>(256, core.limits.minStorageBufferOffsetAlignment);
  limits_.shared_memory = core.limits.maxComputeSharedMemorySize;
  limits_.max_workgroup_threads = core.limits.maxComputeWorkGroupInvocations;
  limits_.memory_bytes = LocalMemory(physical_);
  limits_.software = core.deviceType == vk::PhysicalDeviceType::eCpu;
  // Mesa's software driver ends a kernel's loops after so many, without a word.
  if (limits_.software) limits_.max_loop_iterations = 65535;
  // The kernels for these read some buffers as texels of 16 bytes.
  if (limits_.software) limits_.max_storage_range = std::min(limits_.max_storage_range, uint64_t{16} * core.limits.maxTexelBufferElements);
  memory_properties_ = physical_.getMemoryProperties();
}

absl::Status Device::Open(vk::PhysicalDevice physical) {
  physical_ = physical;
  ReadLimits();
  HEKLA_RETURN_IF_ERROR(ChooseQueues());
  const float priority = 1;
  std::vector<vk::DeviceQueueCreateInfo> queues = {{{}, compute_family_, 1, &priority}};
  if (transfer_family_ != compute_family_) queues.push_back({{}, transfer_family_, 1, &priority});
  vk::PhysicalDeviceFeatures core;
  vk::PhysicalDeviceVulkan12Features features12;
  features12.setTimelineSemaphore(true);
  vk::PhysicalDeviceVulkan13Features features13;
  features13.setSubgroupSizeControl(true).setComputeFullSubgroups(true);
  if (subgroup_size_control_) features12.setPNext(&features13);
  vk::DeviceCreateInfo info({}, queues);
  info.setPEnabledFeatures(&core).setPNext(&features12);
  auto made = physical_.createDeviceUnique(info);
  HEKLA_RETURN_IF_ERROR(Check(made.result, absl::StrCat("opening ", name_)));
  device_ = std::move(made.value);
  compute_queue_ = device_->getQueue(compute_family_, 0);
  transfer_queue_ = device_->getQueue(transfer_family_, 0);
  if (ValidationWanted()) {
    auto create = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(instance_->getProcAddr("vkCreateDebugUtilsMessengerEXT"));
    VkDebugUtilsMessengerCreateInfoEXT messenger_info{};
    messenger_info.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT;
    messenger_info.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT;
    messenger_info.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
    messenger_info.pfnUserCallback = OnValidationMessage;
    VkDebugUtilsMessengerEXT messenger = VK_NULL_HANDLE;
    if (create != nullptr) create(*instance_, &messenger_info, nullptr, &messenger);
    messenger_ = messenger;
  }
  return absl::OkStatus();
}

Device::~Device() {
  if (device_) static_cast<void>(device_->waitIdle());
  device_.reset();
  if (messenger_) {
    auto destroy = reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(instance_->getProcAddr("vkDestroyDebugUtilsMessengerEXT"));
    destroy(*instance_, messenger_, nullptr);
  }
}

}  // namespace hekla::vulkan
