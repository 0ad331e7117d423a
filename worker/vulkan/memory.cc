#include "worker/vulkan/memory.h"

#include <algorithm>
#include <array>
#include <bit>

#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"

namespace hekla::vulkan {
namespace {

using Flags = vk::MemoryPropertyFlags;
using Bit = vk::MemoryPropertyFlagBits;

// Wanted properties, best first; the last one is what every driver has.
std::vector<Flags> Preferences(MemoryKind kind) {
  switch (kind) {
    case MemoryKind::kDevice: return {Bit::eDeviceLocal, Flags{}};
    case MemoryKind::kUpload: return {Bit::eHostVisible | Bit::eHostCoherent};
    case MemoryKind::kReadback:
      return {Bit::eHostVisible | Bit::eHostCoherent | Bit::eHostCached, Bit::eHostVisible | Bit::eHostCoherent};
  }
  return {};
}

int FindType(const vk::PhysicalDeviceMemoryProperties& properties, uint32_t type_bits, MemoryKind kind) {
  for (const Flags& wanted : Preferences(kind)) {
    for (uint32_t i = 0; i < properties.memoryTypeCount; ++i) {
      if ((type_bits >> i & 1) && (properties.memoryTypes[i].propertyFlags & wanted) == wanted) return static_cast<int>(i);
    }
  }
  return -1;
}

uint64_t RoundUp(uint64_t value, uint64_t step) { return (value + step - 1) / step * step; }

}  // namespace

Arena::~Arena() {
  for (vk::Buffer buffer : buffers_) device_->get().destroyBuffer(buffer);
  for (Block& block : blocks_) device_->get().freeMemory(block.memory);
}

absl::StatusOr<Arena::Block*> Arena::NewBlock(uint64_t bytes, uint32_t type_bits) {
  const uint64_t limit = device_->limits().max_allocation;
  if (bytes > limit) {
    return absl::ResourceExhaustedError(
        absl::StrCat(device_->name(), ": one allocation of ", bytes, " bytes is more than the device's limit of ", limit));
  }
  const int type = FindType(device_->memory_properties(), type_bits, kind_);
  if (type < 0) return absl::FailedPreconditionError(absl::StrCat(device_->name(), ": no memory type for this use"));
  Block block;
  block.bytes = std::min(limit, std::max(bytes, block_bytes_));
  auto memory = device_->get().allocateMemory(vk::MemoryAllocateInfo(block.bytes, type));
  if (memory.result != vk::Result::eSuccess && block.bytes > bytes) {   // a smaller block may still fit
    block.bytes = bytes;
    memory = device_->get().allocateMemory(vk::MemoryAllocateInfo(block.bytes, type));
  }
  HEKLA_RETURN_IF_ERROR(Check(memory.result, absl::StrCat("allocating ", block.bytes, " bytes on ", device_->name(), " (",
                                                          allocated_bytes_, " bytes in use)")));
  block.memory = memory.value;
  if (kind_ != MemoryKind::kDevice) {
    auto mapped = device_->get().mapMemory(block.memory, 0, VK_WHOLE_SIZE);
    if (mapped.result != vk::Result::eSuccess) {
      device_->get().freeMemory(block.memory);
      return Check(mapped.result, "mapping memory");
    }
    block.mapped = static_cast<std::byte*>(mapped.value);
  }
  allocated_bytes_ += block.bytes;
  blocks_.push_back(block);
  return &blocks_.back();
}

absl::StatusOr<BufferRange> Arena::Allocate(uint64_t bytes) {
  const uint64_t alignment = device_->limits().storage_alignment;
  const uint64_t size = RoundUp(bytes, alignment);
  // lavapipe compiles a kernel once more for texels in buffers whose size is a power of two; so none is.
  uint64_t buffer_size = size;
  while (device_->limits().software && std::has_single_bit(buffer_size)) buffer_size += alignment;
  using Usage = vk::BufferUsageFlagBits;
  vk::BufferCreateInfo info({}, buffer_size,
                            Usage::eStorageBuffer | Usage::eStorageTexelBuffer | Usage::eTransferSrc | Usage::eTransferDst);
  const std::array<uint32_t, 2> families = {device_->compute_family(), device_->transfer_family()};
  if (families[0] != families[1]) info.setSharingMode(vk::SharingMode::eConcurrent).setQueueFamilyIndices(families);
  auto made = device_->get().createBuffer(info);
  HEKLA_RETURN_IF_ERROR(Check(made.result, absl::StrCat("creating a buffer of ", buffer_size, " bytes")));
  buffers_.push_back(made.value);
  const auto needs = device_->get().getBufferMemoryRequirements(made.value);
  const uint64_t step = std::max<uint64_t>(needs.alignment, alignment);
  Block* block = nullptr;
  for (Block& candidate : blocks_) {
    if (RoundUp(candidate.used, step) + needs.size <= candidate.bytes) block = &candidate;
  }
  if (block == nullptr) {
    HEKLA_ASSIGN_OR_RETURN(block, NewBlock(needs.size, needs.memoryTypeBits));
  }
  const uint64_t offset = RoundUp(block->used, step);
  HEKLA_RETURN_IF_ERROR(Check(device_->get().bindBufferMemory(made.value, block->memory, offset), "binding memory"));
  block->used = offset + needs.size;
  return BufferRange{made.value, 0, size, block->mapped == nullptr ? nullptr : block->mapped + offset};
}

}  // namespace hekla::vulkan
