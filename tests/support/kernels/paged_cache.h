// Where keys and values of a paged cache stand (kernels/common/kv_cache.glsl), written down a second time for tests,
// with block tables in which no two neighbours are in order.
#ifndef HEKLA_TESTS_SUPPORT_KERNELS_PAGED_CACHE_H_
#define HEKLA_TESTS_SUPPORT_KERNELS_PAGED_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hekla::test {

class PagedCache {
 public:
  PagedCache(uint32_t kv_heads, uint32_t head_dim, uint32_t slots, uint32_t max_context, uint32_t seed);

  uint64_t words() const;        // of the keys; as many of the values
  uint32_t slot_stride() const;  // words of a slot's state
  std::vector<uint32_t> SlotState() const;

  // f16 elements from the start of the keys or the values.
  size_t Key(uint32_t slot, uint32_t position, uint32_t kv_head, uint32_t dim) const;
  size_t Value(uint32_t slot, uint32_t position, uint32_t kv_head, uint32_t dim) const;

 private:
  uint32_t kv_heads_, head_dim_, slots_, blocks_per_slot_;
  std::vector<uint32_t> table_;  // [slot][position / kBlock]
};

}  // namespace hekla::test

#endif  // HEKLA_TESTS_SUPPORT_KERNELS_PAGED_CACHE_H_
