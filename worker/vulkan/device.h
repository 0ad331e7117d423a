// A Vulkan device: instance, choice of the adapter, queues, limits. Knows no language model.
//
// Thread rule: Create once; submits to one queue come from one thread at a time (Vulkan's rule), the rest is immutable.
#ifndef HEKLA_WORKER_VULKAN_DEVICE_H_
#define HEKLA_WORKER_VULKAN_DEVICE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/vulkan/vulkan.h"

namespace hekla::vulkan {

struct DeviceSummary {
  int index = 0;                 // the N of vulkan:N
  std::string name;
  std::string kind;              // "discrete", "integrated", "software", "virtual", "other"
  uint64_t memory_bytes = 0;     // of the largest device-local heap
  std::string refusal;           // why it cannot be used; empty if it can
};

struct DeviceLimits {
  uint32_t subgroup_size = 0;              // lanes that every kernel runs with
  uint64_t max_storage_range = 0;          // bytes of one binding
  uint64_t max_allocation = 0;             // bytes
  uint64_t storage_alignment = 0;          // of a binding's offset, bytes
  uint32_t shared_memory = 0;              // bytes of a workgroup
  uint32_t max_workgroup_threads = 0;
  uint64_t memory_bytes = 0;               // of the largest device-local heap
  bool software = false;                   // runs on the processor
  uint32_t max_loop_iterations = 0;        // of a subgroup, all loops of a kernel together; 0 = any number
};

class Device {
 public:
  // Every adapter of this machine, in the order of vulkan:N. UNAVAILABLE: no Vulkan loader or driver.
  static absl::StatusOr<std::vector<DeviceSummary>> List();

  // index -1: the first usable of discrete, integrated, virtual, then software. FAILED_PRECONDITION: the adapter lacks a feature that
  // the kernels need, by name; NOT_FOUND: no such adapter.
  static absl::StatusOr<std::unique_ptr<Device>> Create(int index);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  vk::Device get() const { return *device_; }
  vk::PhysicalDevice physical() const { return physical_; }
  const std::string& name() const { return name_; }
  const DeviceLimits& limits() const { return limits_; }
  vk::Queue compute_queue() const { return compute_queue_; }
  uint32_t compute_family() const { return compute_family_; }
  // A queue of a transfer-only family where there is one, else the compute queue.
  vk::Queue transfer_queue() const { return transfer_queue_; }
  uint32_t transfer_family() const { return transfer_family_; }
  const vk::PhysicalDeviceMemoryProperties& memory_properties() const { return memory_properties_; }
  // Whether pipelines may ask for limits().subgroup_size and full subgroups.
  bool subgroup_size_control() const { return subgroup_size_control_; }

 private:
  Device() = default;
  absl::Status Open(vk::PhysicalDevice physical);
  void ReadLimits();
  absl::Status ChooseQueues();

  vk::UniqueInstance instance_;
  vk::DebugUtilsMessengerEXT messenger_;
  vk::PhysicalDevice physical_;
  vk::UniqueDevice device_;
  std::string name_;
  DeviceLimits limits_;
  vk::PhysicalDeviceMemoryProperties memory_properties_;
  vk::Queue compute_queue_, transfer_queue_;
  uint32_t compute_family_ = 0, transfer_family_ = 0;
  bool subgroup_size_control_ = false;
};

}  // namespace hekla::vulkan

#endif  // HEKLA_WORKER_VULKAN_DEVICE_H_
