// The KV memory as numbered blocks of kBlockTokens tokens. Who holds a block keeps its number; the pool keeps
// what is free, and how many hold a block.
//
// One thread. A block is given out again last in, first out, so a small load touches little memory.
#ifndef HEKLA_WORKER_SCHEDULE_BLOCK_POOL_H_
#define HEKLA_WORKER_SCHEDULE_BLOCK_POOL_H_

#include <vector>

namespace hekla::schedule {

class BlockPool {
 public:
  explicit BlockPool(int blocks);

  // A block nobody holds, or -1 when there is none.
  int Take();

  // One more holds `block`, which somebody holds; ends the program if nobody does.
  void Share(int block);

  // One less holds `block`; the last one frees it. Ends the program if nobody holds it.
  void Give(int block);

  int holders(int block) const { return holders_[block]; }
  int capacity() const { return static_cast<int>(holders_.size()); }
  int free_count() const { return static_cast<int>(free_.size()); }
  int held_count() const { return capacity() - free_count(); }

 private:
  std::vector<int> free_;     // a stack
  std::vector<int> holders_;  // by block
};

}  // namespace hekla::schedule

#endif  // HEKLA_WORKER_SCHEDULE_BLOCK_POOL_H_
