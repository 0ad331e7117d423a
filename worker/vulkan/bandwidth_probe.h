// The device's own read bandwidth, measured: what decode speed is divided by.
#ifndef HEKLA_WORKER_VULKAN_BANDWIDTH_PROBE_H_
#define HEKLA_WORKER_VULKAN_BANDWIDTH_PROBE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "worker/vulkan/device.h"

namespace hekla::vulkan {

// Bytes a second of the fastest of several reads of `bytes` (cut to what one binding allows), 16 bytes a lane. Takes bytes of device
// memory while it runs. RESOURCE_EXHAUSTED when they are not there.
absl::StatusOr<double> MeasureReadBandwidth(const Device* device, uint64_t bytes);

}  // namespace hekla::vulkan

#endif  // HEKLA_WORKER_VULKAN_BANDWIDTH_PROBE_H_
