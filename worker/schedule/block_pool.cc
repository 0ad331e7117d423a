#include "worker/schedule/block_pool.h"

#include "worker/base/check.h"

namespace hekla::schedule {

BlockPool::BlockPool(int blocks) : holders_(blocks, 0) {
  free_.reserve(blocks);
  for (int block = blocks - 1; block >= 0; --block) free_.push_back(block);
}

int BlockPool::Take() {
  if (free_.empty()) return -1;
  const int block = free_.back();
  free_.pop_back();
  holders_[block] = 1;
  return block;
}

void BlockPool::Share(int block) {
  HEKLA_CHECK(block >= 0 && block < capacity() && holders_[block] > 0, "a block is shared that nobody holds");
  ++holders_[block];
}

void BlockPool::Give(int block) {
  HEKLA_CHECK(block >= 0 && block < capacity() && holders_[block] > 0,
              "a block is given back that nobody holds");
  if (--holders_[block] == 0) free_.push_back(block);
}

}  // namespace hekla::schedule
