#include "worker/schedule/block_pool.h"

#include <set>

#include "gtest/gtest.h"

namespace hekla::schedule {
namespace {

TEST(BlockPool, GivesEveryBlockOnceThenNone) {
  BlockPool pool(5);
  std::set<int> taken;
  for (int i = 0; i < 5; ++i) taken.insert(pool.Take());
  EXPECT_EQ(taken, (std::set<int>{0, 1, 2, 3, 4}));
  EXPECT_EQ(pool.Take(), -1);
  EXPECT_EQ(pool.held_count(), 5);
  pool.Give(3);
  EXPECT_EQ(pool.holders(3), 0);
  EXPECT_EQ(pool.free_count(), 1);
  EXPECT_EQ(pool.Take(), 3);
}

TEST(BlockPool, ASharedBlockIsFreeWhenItsLastHolderGivesIt) {
  BlockPool pool(2);
  const int block = pool.Take();
  pool.Share(block);
  EXPECT_EQ(pool.holders(block), 2);
  EXPECT_EQ(pool.held_count(), 1);
  pool.Give(block);
  EXPECT_EQ(pool.free_count(), 1);
  pool.Give(block);
  EXPECT_EQ(pool.free_count(), 2);
  EXPECT_DEATH(pool.Share(block), "nobody holds");
}

TEST(BlockPoolDeathTest, ABlockCannotBeGivenBackTwice) {
  BlockPool pool(2);
  const int block = pool.Take();
  pool.Give(block);
  EXPECT_DEATH(pool.Give(block), "nobody holds");
  EXPECT_DEATH(pool.Give(2), "nobody holds");
}

}  // namespace
}  // namespace hekla::schedule
