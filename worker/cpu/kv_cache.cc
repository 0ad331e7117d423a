#include "worker/cpu/kv_cache.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "worker/model/gguf.h"

namespace hekla::cpu {
namespace {

uint64_t PhysicalMemoryBytes() {
  const long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
  return pages > 0 && page_bytes > 0 ? uint64_t(pages) * page_bytes : UINT64_MAX;
}

}  // namespace

absl::StatusOr<KvCache> KvCache::Create(const model::ModelConfig& config, int blocks, bool float32) {
  KvCache cache;
  cache.head_dim_ = config.head_dim;
  cache.blocks_ = blocks;
  cache.float32_ = float32;
  for (int kv_heads : config.kv_heads) cache.layers_.push_back({kv_heads * config.head_dim, {}, {}});
  // Divided, not multiplied: the product could wrap.
  const uint64_t limit = PhysicalMemoryBytes(),
                 block_bytes = cache.bytes_per_token() * schedule::kBlockTokens;
  if (uint64_t(blocks) > limit / block_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat("KV cache of ", blocks, " blocks of ", block_bytes,
                                                     " bytes exceeds the ", limit, " bytes of memory"));
  }
  for (Layer& layer : cache.layers_) {
    const size_t values = size_t(blocks) * schedule::kBlockTokens * 2 * layer.width;
    float32 ? layer.full.resize(values) : layer.half.resize(values);
  }
  return cache;
}

uint64_t KvCache::bytes_per_token() const {
  uint64_t values = 0;
  for (const Layer& layer : layers_) values += 2 * uint64_t(layer.width);
  return values * (float32_ ? sizeof(float) : sizeof(uint16_t));
}

void KvCache::Append(int layer, int block, int offset, const float* k, const float* v) {
  Layer& l = layers_[layer];
  const size_t at = (size_t(block) * schedule::kBlockTokens + offset) * 2 * l.width;
  if (float32_) {
    std::copy(k, k + l.width, l.full.begin() + at);
    std::copy(v, v + l.width, l.full.begin() + at + l.width);
  } else {
    std::transform(k, k + l.width, l.half.begin() + at, model::FloatToHalf);
    std::transform(v, v + l.width, l.half.begin() + at + l.width, model::FloatToHalf);
  }
}

void KvCache::Load(int layer, int block, int offset, int which, int kv_head, float* out) const {
  const Layer& l = layers_[layer];
  const size_t token = size_t(block) * schedule::kBlockTokens + offset;
  const size_t at = (token * 2 + which) * l.width + size_t(kv_head) * head_dim_;
  if (float32_) {
    std::copy_n(l.full.begin() + at, head_dim_, out);
  } else {
    std::transform(l.half.begin() + at, l.half.begin() + at + head_dim_, out, model::HalfToFloat);
  }
}

}  // namespace hekla::cpu
