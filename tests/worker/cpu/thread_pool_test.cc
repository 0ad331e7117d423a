#include "worker/cpu/thread_pool.h"

#include <atomic>
#include <vector>

#include <gtest/gtest.h>

namespace hekla::cpu {
namespace {

TEST(ThreadPoolTest, EveryIndexOnce) {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (int count : {0, 1, 7, 64, 1000}) {
      for (int grain : {1, 3, 100}) {
        std::vector<std::atomic<int>> visits(count);
        pool.ParallelFor(count, grain, [&](int begin, int end) {
          for (int i = begin; i < end; ++i) ++visits[i];
        });
        for (int i = 0; i < count; ++i)
          ASSERT_EQ(visits[i], 1) << threads << " " << count << " " << grain << " " << i;
      }
    }
  }
}

TEST(ThreadPoolTest, ResultsAreVisibleAfterEachOfManyLoops) {
  ThreadPool pool(3);
  std::vector<int> values(100, 0);
  for (int round = 0; round < 2000; ++round) {
    pool.ParallelFor(100, 7, [&](int begin, int end) {
      for (int i = begin; i < end; ++i) ++values[i];
    });
  }
  for (int value : values) ASSERT_EQ(value, 2000);
}

}  // namespace
}  // namespace hekla::cpu
