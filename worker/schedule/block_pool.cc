#include "worker/schedule/block_pool.h"

#include "worker/base/check.h"

namespace hekla::schedule {

BlockPool::BlockPool(int blocks) : held_(blocks, false) {
  free_.reserve(blocks);
  for (int block = blocks - 1; block >= 0; --block) free_.push_back(block);
}

int BlockPool::Take() {
  if (free_.empty()) return -1;
  const int block = free_.back();
  free_.pop_back();
  held_[block] = true;
  return block;
}

void BlockPool::Give(int block) {
  HEKLA_CHECK(block >= 0 && block < capacity() && held_[block], "a block is given back that nobody holds");
  held_[block] = false;
  free_.push_back(block);
}

}  // namespace hekla::schedule
