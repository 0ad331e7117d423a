// The only file that includes Vulkan-Hpp. No exceptions: every call returns its vk::Result, which Check() turns into a Status.
#ifndef HEKLA_WORKER_VULKAN_VULKAN_H_
#define HEKLA_WORKER_VULKAN_VULKAN_H_

#define VULKAN_HPP_NO_EXCEPTIONS
#define VULKAN_HPP_ASSERT_ON_RESULT(condition) static_cast<void>(condition)
#include <vulkan/vulkan.hpp>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace hekla::vulkan {

// OK for eSuccess. eErrorDeviceLost is UNAVAILABLE "device lost" (final), out of memory RESOURCE_EXHAUSTED, the rest INTERNAL;
// the message begins with `what`.
absl::Status Check(vk::Result result, absl::string_view what);

}  // namespace hekla::vulkan

#endif  // HEKLA_WORKER_VULKAN_VULKAN_H_
