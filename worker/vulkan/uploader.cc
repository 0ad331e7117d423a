#include "worker/vulkan/uploader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "worker/base/status_macros.h"

namespace hekla::vulkan {
namespace {

constexpr absl::Duration kCopyLimit = absl::Seconds(60);

}  // namespace

absl::StatusOr<std::unique_ptr<Uploader>> Uploader::Create(const Device* device, uint64_t chunk_bytes, int chunks) {
  auto uploader = std::unique_ptr<Uploader>(new Uploader(device, chunk_bytes));
  auto pool = device->get().createCommandPoolUnique({vk::CommandPoolCreateFlagBits::eResetCommandBuffer, device->transfer_family()});
  HEKLA_RETURN_IF_ERROR(Check(pool.result, "creating a command pool"));
  uploader->pool_ = std::move(pool.value);
  HEKLA_ASSIGN_OR_RETURN(uploader->timeline_, Timeline::Create(device));
  for (int i = 0; i < chunks; ++i) {
    Chunk chunk;
    HEKLA_ASSIGN_OR_RETURN(chunk.staging, uploader->arena_.Allocate(chunk_bytes));
    auto commands = device->get().allocateCommandBuffersUnique({*uploader->pool_, vk::CommandBufferLevel::ePrimary, 1});
    HEKLA_RETURN_IF_ERROR(Check(commands.result, "allocating a command buffer"));
    chunk.commands = std::move(commands.value[0]);
    uploader->chunks_.push_back(std::move(chunk));
  }
  return uploader;
}

Uploader::~Uploader() { static_cast<void>(Finish()); }

absl::Status Uploader::Upload(const BufferRange& target, uint64_t bytes,
                              const std::function<void(uint64_t, uint64_t, std::byte*)>& fill) {
  for (uint64_t offset = 0; offset < bytes; offset += chunk_bytes_) {
    Chunk& chunk = chunks_[next_];
    next_ = (next_ + 1) % chunks_.size();
    if (chunk.in_flight != 0) HEKLA_RETURN_IF_ERROR(timeline_->Wait(chunk.in_flight, kCopyLimit));
    const uint64_t piece = std::min(chunk_bytes_, bytes - offset);
    fill(offset, piece, chunk.staging.mapped);
    HEKLA_RETURN_IF_ERROR(Check(chunk.commands->begin({vk::CommandBufferUsageFlagBits::eOneTimeSubmit}), "recording"));
    chunk.commands->copyBuffer(chunk.staging.buffer, target.buffer, vk::BufferCopy(chunk.staging.offset, target.offset + offset, piece));
    HEKLA_RETURN_IF_ERROR(Check(chunk.commands->end(), "recording"));
    HEKLA_ASSIGN_OR_RETURN(chunk.in_flight, timeline_->Submit(device_->transfer_queue(), {*chunk.commands}));
  }
  return absl::OkStatus();
}

absl::Status Uploader::Upload(const BufferRange& target, const void* data, uint64_t bytes) {
  return Upload(target, bytes, [data](uint64_t offset, uint64_t piece, std::byte* out) {
    std::memcpy(out, static_cast<const std::byte*>(data) + offset, piece);
  });
}

absl::Status Uploader::Finish() {
  for (Chunk& chunk : chunks_) {
    if (chunk.in_flight != 0) HEKLA_RETURN_IF_ERROR(timeline_->Wait(chunk.in_flight, kCopyLimit));
    chunk.in_flight = 0;
  }
  return absl::OkStatus();
}

}  // namespace hekla::vulkan
