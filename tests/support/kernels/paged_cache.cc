#include "tests/support/kernels/paged_cache.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "kernels/params.h"

namespace hekla::test {

using kernels::kBlock;

PagedCache::PagedCache(uint32_t kv_heads, uint32_t head_dim, uint32_t slots, uint32_t max_context, uint32_t seed)
    : kv_heads_(kv_heads),
      head_dim_(head_dim),
      slots_(slots),
      blocks_per_slot_((max_context + kBlock - 1) / kBlock),
      table_(size_t{slots} * blocks_per_slot_) {
  std::iota(table_.begin(), table_.end(), 0u);
  std::mt19937 random(seed);
  std::shuffle(table_.begin(), table_.end(), random);
}

uint64_t PagedCache::words() const { return table_.size() * kBlock * kv_heads_ * head_dim_ / 2; }

uint32_t PagedCache::slot_stride() const { return kernels::kSlotParameters + blocks_per_slot_ + 5; }

std::vector<uint32_t> PagedCache::SlotState() const {
  std::vector<uint32_t> words(size_t{slots_} * slot_stride(), 0);
  for (uint32_t slot = 0; slot < slots_; ++slot) {
    std::copy_n(&table_[size_t{slot} * blocks_per_slot_], blocks_per_slot_,
                &words[size_t{slot} * slot_stride() + kernels::kSlotParameters]);
  }
  return words;
}

size_t PagedCache::Key(uint32_t slot, uint32_t position, uint32_t kv_head, uint32_t dim) const {
  const size_t block = table_[slot * blocks_per_slot_ + position / kBlock];
  return (((block * kv_heads_ + kv_head) * (head_dim_ / 8) + dim / 8) * kBlock + position % kBlock) * 8 + dim % 8;
}

size_t PagedCache::Value(uint32_t slot, uint32_t position, uint32_t kv_head, uint32_t dim) const {
  const size_t block = table_[slot * blocks_per_slot_ + position / kBlock];
  return ((block * kv_heads_ + kv_head) * kBlock + position % kBlock) * head_dim_ + dim;
}

}  // namespace hekla::test
